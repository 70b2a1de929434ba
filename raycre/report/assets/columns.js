"use strict";
// Packed tables (raycre/report/columns.py) as arrays, each column read once, when something asks for it.

const about = JSON.parse(document.getElementById("about").textContent);
const tables = {};

async function inflated(id) {
  const text = atob(document.getElementById(id).textContent);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const textOf = async (id) => new TextDecoder().decode(await inflated(id));

function gathered(planes, n, width) {
  const bytes = new Uint8Array(n * width);
  for (let rank = 0; rank < width; rank++)
    for (let i = 0; i < n; i++) bytes[i * width + rank] = planes[rank * n + i];
  return bytes.buffer;
}

const KINDS = {
  async text(id) { return JSON.parse(await textOf(id)); },
  async category(id, column, n) {
    const codes = new ({ 1: Uint8Array, 2: Uint16Array, 4: Uint32Array })[column.width](
      gathered(await inflated(id), n, column.width));
    return Array.from(codes, (code) => column.values[code]);
  },
  async place(id, column, n) {
    const steps = new ({ 4: Int32Array, 8: Float64Array })[column.width](gathered(await inflated(id), n, column.width));
    const values = new Float64Array(n);
    for (let i = 0, at = 0; i < n; i++) values[i] = at += steps[i];
    return values;
  },
  async number(id, column, n) {
    const bytes = await inflated(id);
    const mantissas = new Int16Array(gathered(bytes.subarray(0, 2 * n), n, 2));
    const powers = new Int8Array(bytes.slice(2 * n).buffer);
    const values = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      const m = mantissas[i], e = powers[i];  // dividing by a power of ten rounds once, as reading the decimal does
      values[i] = m === -32768 ? NaN : e < 0 ? m / 10 ** -e : m * 10 ** e;
    }
    return values;
  },
};

// The table with the values of all its columns: {n, columns, roles, values: {name: array}}.
function loaded(key) {
  tables[key] ??= (async () => {
    const table = { ...about.tables[key], key, values: {} };
    for (const column of table.columns) {
      const values = await KINDS[column.kind](`${key}-${column.name}`, column, table.n);
      if (column.base) for (let i = 0; i < table.n; i++) values[i] += table.values[column.base][i];
      table.values[column.name] = values;
    }
    return table;
  })();
  return tables[key];
}

// As raycre.figures.blocks.shown: thousands apart, three digits of a small number, a dash for nothing.
function shown(value, whole = false) {
  if (typeof value !== "number") return value === "" || value == null ? "–" : value;
  if (Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  if (whole || size >= 1000) return Math.round(value).toLocaleString("en-US").replace("-", "−");
  if (size !== 0 && size < 1e-4) {
    const [digits, power] = value.toExponential(2).split("e");
    const raised = [...String(Number(power))].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("");
    return `${String(Number(digits)).replace("-", "−")}×10${raised}`;
  }
  return String(Number(value.toPrecision(3))).replace("-", "−");
}
