// Tables that are packed: a page of rows at a time, filtered by text and by class, sorted, copied, saved.

const PAGE = 25, MOST_PRINTED = 2000, MOST_CHOICES = 40;
const grids = [];

class Grid {
  constructor(section) {
    this.section = section;
    this.key = section.dataset.table;
    this.bar = section.querySelector(".bar");
    this.said = section.querySelector("[role=status]");
    this.body = section.querySelector("tbody");
    this.headers = [...section.querySelectorAll("thead th")];
    this.at = 0;
    this.chosen = { ...about.first[this.key] };
    grids.push(this);
    const seen = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) { seen.disconnect(); this.open(); }
    }, { rootMargin: "600px" });
    seen.observe(section);
  }

  open() { return this.opened ??= this.load(); }

  async load() {
    this.said.textContent = "Reading …";
    this.table = await loaded(this.key);
    this.rows = Uint32Array.from({ length: this.table.n }, (_, i) => i);
    this.draw_bar();
    this.headers.forEach((header, at) => sortable(header, (down) => this.sort(this.table.columns[at].name, down)));
    this.filter();
  }

  draw_bar() {
    this.text = element("input", { type: "search", oninput: () => this.filter() });
    this.bar.append(element("label", {}, "Filter by name or place", this.text));
    for (const column of this.table.columns) {
      if (column.kind !== "category" || column.values.length < 2 || column.values.length > MOST_CHOICES) continue;
      const select = element("select", { onchange: () => { this.chosen[column.name] = select.value; this.filter(); } },
        element("option", { value: "" }, "all"), ...[...column.values].sort().map((text) => element("option", { value: text }, text || "–")));
      select.value = this.chosen[column.name] ?? "";
      this.bar.append(element("label", {}, column.title, select));
    }
    this.bar.append(...shareButtons(this.section.id, () => this.lines(), this.said));
    this.before = element("button", { type: "button", onclick: () => this.turn(-1) }, "Previous");
    this.after = element("button", { type: "button", onclick: () => this.turn(1) }, "Next");
    this.bar.append(this.before, this.after);
  }

  sort(name, down) {
    const values = this.table.values[name];
    this.rows.sort((a, b) => compared(values[a], values[b], down) || a - b);
    this.filter();
  }

  filter() {
    const { values, roles, columns } = this.table, wanted = this.text.value.trim().toLowerCase();
    const place = wanted.replaceAll(",", "").match(/^(\S+?):(\d+)(?:-(\d+))?$/);
    const texts = columns.filter((c) => c.kind === "text" || c.kind === "category").map((c) => values[c.name]);
    const chosen = Object.entries(this.chosen).filter(([, text]) => text).map(([name, text]) => [values[name], text]);
    const from = place && Number(place[2]), to = place && Number(place[3] ?? place[2]);
    const ends = values[roles.end ?? roles.start];
    this.here = this.rows.filter((i) => chosen.every(([column, text]) => column[i] === text) && (!wanted || (place
      ? values[roles.chrom][i].toLowerCase() === place[1] && values[roles.start][i] < to + 1 && ends[i] >= from
      : texts.some((column) => column[i].toLowerCase().includes(wanted)))));
    this.at = 0;
    this.draw();
  }

  turn(by) { this.at += by * PAGE; this.draw(); }

  // The columns of a row as they are shown.
  cells(i) {
    return this.table.columns.map((column) => shown(this.table.values[column.name][i], column.kind === "place"));
  }

  draw(n = PAGE) {
    const { values, roles, columns } = this.table, last = Math.min(this.at + n, this.here.length);
    const rows = Array.from(this.here.subarray(this.at, last), (i) => element("tr", {}, ...this.cells(i).map((text, at) => {
      const { name, kind } = columns[at], end = values[roles.end ?? roles.start][i];
      const cell = element("td", { class: kind === "place" || kind === "number" ? "number" : "short" }, text);
      if (name === roles.start && about.view && values[roles.chrom][i] in about.view.sizes)
        cell.replaceChildren(element("a", { href: "#genome", "data-place": `${values[roles.chrom][i]}:${values[roles.start][i]}-${end}`,
          "data-gene": values[roles.gene]?.[i], "aria-label": `show ${values[roles.chrom][i]}:${text} in the genome view` }, text));
      return cell;
    })));
    this.body.replaceChildren(...rows);
    const n_all = this.table.n.toLocaleString("en-US"), n_here = this.here.length.toLocaleString("en-US");
    this.said.textContent = this.here.length ? `Rows ${(this.at + 1).toLocaleString("en-US")} to ${last.toLocaleString("en-US")} of ${n_here}` +
      (this.here.length < this.table.n ? `, chosen from ${n_all}` : "") + (n > PAGE && last < this.here.length ? "; the others are left out of the print" : "")
      : `None of ${n_all} rows is like that`;
    this.before.disabled = this.at === 0;
    this.after.disabled = last >= this.here.length;
  }

  lines() {
    return [this.table.columns.map((column) => column.title), ...Array.from(this.here, (i) => this.table.columns.map((column) => {
      const value = this.table.values[column.name][i];
      return Number.isNaN(value) ? "" : value;
    }))];
  }
}

// Print every row that is chosen, up to a number that paper can bear. The page's button reads all tables before; a
// browser's own command prints what is read by then, and says what is not.
const folded = [];
addEventListener("beforeprint", () => {
  for (const grid of grids) {
    if (grid.here) { grid.at = 0; grid.draw(MOST_PRINTED); }
    else grid.said.textContent = "Not read yet: the button Print of the page reads all tables before it prints.";
  }
  for (const details of document.querySelectorAll("details:not([open])")) { details.open = true; folded.push(details); }
});
addEventListener("afterprint", () => {
  for (const grid of grids) if (grid.here) grid.draw(); else grid.said.textContent = "";
  for (const details of folded.splice(0)) details.open = false;
});
