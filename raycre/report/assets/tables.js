// Small tables of the page: sorted by their headers, filtered, copied, saved; places in them move the genome view.

const PLACE = /^(\S+):([\d,]+)-([\d,]+)$/;

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) made.setAttribute(name, value === true ? "" : value);
  made.append(...children);
  return made;
}

// A number that a cell shows, also with a spread, per cent or a power of ten; NaN where it shows none.
function numberIn(text) {
  const [digits, power] = text.replaceAll("−", "-").replaceAll(",", "").replace(/ ± .*|%$/, "").split("×10");
  if (!/^-?[\d.]+$/.test(digits)) return NaN;
  const exponent = power ? [...power].map((c) => "-0123456789"["⁻⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(c)]).join("") : 0;
  return Number(`${digits}e${exponent}`);
}

// Two values in order; what is not there comes last, up or down.
function compared(a, b, down) {
  const noA = a === "" || a === "–" || Number.isNaN(a), noB = b === "" || b === "–" || Number.isNaN(b);
  if (noA || noB) return noA - noB;
  const order = typeof a === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
  return down ? -order : order;
}

// Make a header's text a button that sorts; `sort(down)` does it.
function sortable(header, sort) {
  const button = element("button", { type: "button" }, header.textContent);
  button.append(element("span", { "aria-hidden": "true" }, ""));
  header.replaceChildren(button);
  button.addEventListener("click", () => {
    const down = header.getAttribute("aria-sort") === "ascending";
    for (const other of header.parentNode.children) {
      other.removeAttribute("aria-sort");
      const mark = other.querySelector("span[aria-hidden]");
      if (mark) mark.textContent = "";
    }
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    button.lastChild.textContent = down ? " ↓" : " ↑";
    sort(down);
  });
}

async function copied(text) {
  try { await navigator.clipboard.writeText(text); } catch {
    const area = element("textarea", { "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

// A cell for a spreadsheet: quoted where needed; one that begins like a formula gets an apostrophe.
function csvCell(value) {
  let text = String(value).replaceAll("−", "-");
  if (/^[=+@\t\r]/.test(text) || (/^-/.test(text) && Number.isNaN(Number(text)))) text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function saved(name, lines) {
  const url = URL.createObjectURL(new Blob([lines.map((line) => line.map(csvCell).join(",") + "\n").join("")], { type: "text/csv" }));
  element("a", { href: url, download: `${name}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

function shareButtons(name, rows, said) {
  const copy = element("button", { type: "button", onclick: async () => {
    const lines = rows();
    await copied(lines.map((line) => line.join("\t")).join("\n"));
    said.textContent = `${(lines.length - 1).toLocaleString("en-US")} rows copied`;
  } }, "Copy");
  return [copy, element("button", { type: "button", onclick: () => saved(name, rows()) }, "Save as CSV")];
}

function linkPlaces(cells) {
  if (!about.view) return;
  for (const cell of cells) {
    const place = cell.textContent.match(PLACE);
    if (place && place[1] in about.view.sizes)
      cell.replaceChildren(element("a", { href: "#genome", "data-place": cell.textContent }, cell.textContent));
  }
}

function smallTable(figure) {
  const table = figure.querySelector("table"), body = table.tBodies[0], headers = table.tHead?.rows[0].cells;
  linkPlaces(body.querySelectorAll("td"));
  if (!headers) return;
  const rows = [...body.rows], said = element("span", { role: "status", class: "small" });
  const texts = (row) => [...row.cells].map((cell) => cell.textContent);
  [...headers].forEach((header, at) => {
    const numeric = header.classList.contains("number");
    const key = (row) => numeric ? numberIn(row.cells[at].textContent) : row.cells[at].textContent;
    if (header.textContent && rows.length > 1)
      sortable(header, (down) => body.append(...[...body.rows].sort((a, b) => compared(key(a), key(b), down))));
  });
  const bar = element("div", { class: "bar" });
  if (rows.length > 8) {
    const filter = element("input", { type: "search", oninput: () => {
      const wanted = filter.value.toLowerCase();
      for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
      said.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
    } });
    bar.append(element("label", {}, "Filter", filter));
  }
  const here = () => [[...headers].map((header) => header.textContent.replace(/ [↑↓]$/, "")),
    ...[...body.rows].filter((row) => !row.hidden).map(texts)];
  bar.append(...shareButtons(figure.id, here, said), said);
  figure.querySelector("figcaption").after(bar);
}
