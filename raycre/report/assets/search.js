// The search over genes, places and names of regions: a combobox with a list, driven by keys or the pointer.

const MOST_FOUND = 20;

function setUpSearch() {
  const input = document.getElementById("search"), list = document.getElementById("results"), said = document.getElementById("search-said");
  if (!input) return;
  let found = [], at = -1, turn = 0;

  async function find(text) {
    const results = [], wanted = text.trim().toLowerCase(), place = genomeView.place(text);
    if (place) results.push({ label: `place ${text.trim()}`, go: () => genomeView.show(place.chrom, place.start, place.end) });
    if ("view-genes" in about.tables) {
      const { n, values } = await loaded("view-genes");
      for (const exact of [true, false])
        for (let i = 0; i < n && results.length < MOST_FOUND; i++) {
          const name = values.gene[i].toLowerCase();
          if (exact ? name === wanted : name !== wanted && name.includes(wanted))
            results.push({ label: `gene ${values.gene[i]}, ${values.chrom[i]}:${values.tss[i].toLocaleString("en-US")}`,
              go: () => genomeView.showGene(values.gene[i], values.chrom[i], values.tss[i]) });
        }
    }
    for (const { table, kind, run } of about.view.tracks) {
      if (kind !== "regions") continue;
      const { n, values } = await loaded(table);
      for (let i = 0; i < n && results.length < MOST_FOUND; i++)
        if (values.name[i].toLowerCase().includes(wanted))
          results.push({ label: `${values.call[i]} ${values.name[i]}, ${values.chrom[i]}:${values.start[i].toLocaleString("en-US")} (${run})`,
            go: () => genomeView.show(values.chrom[i], values.start[i] - 2000, values.end[i] + 2000) });
    }
    return results;
  }

  function mark(next) {
    at = next;
    [...list.children].forEach((item, i) => item.setAttribute("aria-selected", String(i === at)));
    if (at >= 0) { input.setAttribute("aria-activedescendant", `result-${at}`); list.children[at].scrollIntoView({ block: "nearest" }); }
    else input.removeAttribute("aria-activedescendant");
  }

  function close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    mark(-1);
  }

  function go(result) {
    close();
    said.textContent = `The genome view shows ${result.label}`;
    result.go();
  }

  input.addEventListener("input", async () => {
    const mine = ++turn;
    found = input.value.trim() ? await find(input.value) : [];
    if (mine !== turn) return;  // a later letter has its own answer
    list.replaceChildren(...found.map((result, i) => element("li", { role: "option", id: `result-${i}`, "aria-selected": "false",
      onclick: () => go(result) }, result.label)));
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", String(found.length > 0));
    mark(-1);
    said.textContent = !input.value.trim() ? "" : found.length < MOST_FOUND ? `${found.length} found` : `the first ${MOST_FOUND} found`;
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    if (!found.length) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      mark((at + (event.key === "ArrowDown" ? 1 : found.length + (at < 0 ? 0 : -1))) % found.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      go(found[Math.max(at, 0)]);
    }
  });
  input.addEventListener("blur", () => setTimeout(close, 200));
}
