// The genome view: igv.js over the packed tables, with controls of our own that keys and screen readers reach.

const NEAR = 100000, LONGEST_NAMES = 2000, WIDEST = 20000000;  // bp about a TSS; genes offered by name; bp drawn at once
const NEGATIVE = "silencer", POSITIVE = "enhancer";

// Text of the view is never smaller than 11 px.
const LEAST_TEXT = 11, canvasFont = Object.getOwnPropertyDescriptor(CanvasRenderingContext2D.prototype, "font");
Object.defineProperty(CanvasRenderingContext2D.prototype, "font", { ...canvasFont,
  set(text) { canvasFont.set.call(this, text.replace(/[\d.]+px/, (size) => `${Math.max(LEAST_TEXT, parseFloat(size))}px`)); } });

// Rows of a table by chromosome, for tables that lie along the genome: chrom -> [first, last).
function byChromosome(table) {
  const runs = {}, chrom = table.values.chrom;
  for (let i = 0; i < table.n; i++) (runs[chrom[i]] ??= [i, i])[1] = i + 1;
  return runs;
}

// A source of features of igv.js: rows of a table that reach into a part of a chromosome.
function reader(table, feature, start = "start", longest = 0) {
  const runs = byChromosome(table), starts = table.values[start];
  return { async readFeatures(chrom, from, to) {
    const [first, last] = runs[chrom] ?? [0, 0], found = [];
    let low = first, high = last;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (starts[middle] < from - longest) low = middle + 1; else high = middle;
    }
    for (let i = low; i < last && starts[i] < to; i++) {
      const made = feature(i, chrom);
      if (made) found.push(made);
    }
    return found;
  } };
}

const longestOf = (values) => { let most = 0; for (let i = 0; i < values.start.length; i++) most = Math.max(most, values.end[i] - values.start[i]); return most; };

// Exons of "start-end start-end" as igv.js draws them: what lies outside the coding part is thin.
function exonsOf(text, coding) {
  const [from, to] = coding ? coding.split("-").map(Number) : [Infinity, Infinity];
  return text.split(" ").map((exon) => {
    const [start, end] = exon.split("-").map(Number);
    if (end <= from || start >= to) return { start, end, utr: true };
    return { start, end, ...(from > start && { cdStart: from }), ...(to < end && { cdEnd: to }) };
  });
}

const genomeView = {
  place(text) {
    const match = text.trim().replaceAll(",", "").match(/^(\S+?)(?::(\d+)(?:-(\d+))?)?$/);
    if (!match) return null;
    const chrom = Object.keys(about.view.sizes).find((name) => name.toLowerCase() === match[1].toLowerCase());
    if (!chrom) return null;
    const size = about.view.sizes[chrom], start = match[2] ? Number(match[2]) : 0;
    const end = match[3] ? Number(match[3]) : match[2] ? start + 1 : size;
    return start < size && start < end ? { chrom, start, end } : null;
  },

  open() { return this.opened ??= this.load().catch((error) => { this.said(`The genome view cannot be drawn: ${error}`); throw error; }); },
  said(text) { document.getElementById("genome-said").textContent = text; },

  async load() {
    this.said("Drawing …");
    const script = element("script");
    script.textContent = await textOf("igv-code");
    document.head.append(script);
    const colours = about.view.colours, tracks = [];
    for (const { table: key, kind, run } of about.view.tracks) {
      if (kind === "genes") continue;
      const table = await loaded(key), { values } = table, many = about.view.tracks.length > 3 ? ` (${run})` : "";
      if (kind === "regions") tracks.push({ type: "annotation", name: `calls of regions${many}`, height: 60, displayMode: "COLLAPSED",
        visibilityWindow: WIDEST, reader: reader(table, (i, chr) => ({ chr, start: values.start[i], end: values.end[i], color: colours[values.call[i]],
          name: `${values.call[i]} ${values.name[i]}`.trim(), probability: shown(values.p[i]) }), "start", longestOf(values)) });
      else {
        tracks.push({ type: "annotation", name: `called tiles${many}`, height: 70, displayMode: "SQUISHED", maxRows: 20, visibilityWindow: WIDEST,
          reader: reader(table, (i, chr) => [POSITIVE, NEGATIVE].includes(values.call[i]) && { chr, start: values.start[i], end: values.end[i],
            color: colours[values.call[i]], name: `${values.gene[i]} ${values.test[i]}`, effect: shown(values.effect[i]) }, "start", longestOf(values)) });
        (this.tiles ??= []).push({ table, many });
      }
    }
    await this.addOthers(tracks);
    const fasta = new File([await textOf("view-sequence")], "genome.fa");
    this.browser = await igv.createBrowser(document.getElementById("igv"), {
      loadDefaultGenomes: false, showNavigation: false, showChromosomeWidget: false, queryParametersSupported: false,
      reference: { id: "genome", name: about.view.assembly, fastaURL: fasta, wholeGenomeView: false }, tracks, locus: this.firstPlace(),
    });
    this.browser.on("locuschange", (frames) => {
      const { chr, start, end } = Array.isArray(frames) ? frames[0] : frames;
      this.at = { chrom: chr, start: Math.round(start), end: Math.round(end) };
      document.getElementById("place").value = `${chr}:${Math.round(start).toLocaleString("en-US")}-${Math.round(end).toLocaleString("en-US")}`;
    });
    this.labelParts();
    this.said("");
    await this.offerGenes();
    const first = this.first;
    if (first) await (first.gene ? this.drawGene(first.gene) : null);
    if (first && !this.asked) await this.go(first.chrom, first.start, first.end);  // without a jump of the page
  },

  async addOthers(tracks) {
    const titles = about.view.titles;
    if (titles.genes) {
      const table = await loaded("view-genes"), { values } = table;
      tracks.unshift({ type: "annotation", name: titles.genes, height: 60, displayMode: "EXPANDED", color: "#444444", visibilityWindow: WIDEST,
        reader: reader(table, (i, chr) => ({ chr, start: values.tss[i], end: values.tss[i] + 1, strand: values.strand[i], name: values.gene[i] }), "tss") });
    }
    if (titles.models) {
      const table = await loaded("view-models"), { values } = table;
      tracks.unshift({ type: "annotation", name: titles.models, height: 70, displayMode: "EXPANDED", color: "#444444", visibilityWindow: WIDEST,
        reader: reader(table, (i, chr) => ({ chr, start: values.start[i], end: values.end[i], strand: values.strand[i], name: values.gene[i],
          exons: exonsOf(values.exons[i], values.coding[i]) }), "start", longestOf(values)) });
    }
    if (titles.accessibility) {
      const table = await loaded("view-accessibility"), { values } = table;
      tracks.push({ type: "wig", name: titles.accessibility, height: 60, autoscale: true, color: "#444444", visibilityWindow: WIDEST,
        reader: reader(table, (i, chr) => ({ chr, start: values.start[i], end: values.start[i] + 128, value: values.value[i] }), "start", 128) });
    }
    if (titles.loops) {
      const table = await loaded("view-loops"), { values } = table;
      tracks.push({ type: "interact", name: titles.loops, height: 90, color: "#666666", visibilityWindow: WIDEST, arcType: "nested", alpha: 0.3, features:
        Array.from({ length: table.n }, (_, i) => this.arc(values.chrom[i], values.start[i], values.end[i], values.start2[i], values.end2[i])) });
    }
  },

  arc(chr, start1, end1, start2, end2, more = {}) {
    if (start2 < start1) [start1, end1, start2, end2] = [start2, end2, start1, end1];
    return { chr, chr1: chr, start1, end1, chr2: chr, start2, end2, start: start1, end: Math.max(end1, end2), score: 1, color: "#666666", ...more };
  },

  // Where the view begins: the first gene with a called tile, else the most probable region that is called.
  firstPlace() {
    const [chrom, size] = Object.entries(about.view.sizes)[0];
    return `${chrom}:1-${Math.min(size, 2 * NEAR)}`;
  },

  async offerGenes() {
    const names = [], tracks = new Set();
    for (const { table: key, kind } of about.view.tracks) {
      if (kind !== "genes") continue;
      const { n, values } = await loaded(key), order = ["some", "not known", "none"];
      for (const wanted of order) for (let i = 0; i < n; i++) if (values.found[i] === wanted) {
        if (!this.first) this.first = { gene: values.gene[i], chrom: values.chrom[i], start: values.tss[i] - NEAR, end: values.tss[i] + NEAR };
        names.push(values.gene[i]);
        tracks.add(values.track[i]);
      }
    }
    if (!this.first) {
      for (const { table: key, kind } of about.view.tracks) if (kind === "regions" && !this.first) {
        const { n, values } = await loaded(key);
        let best = 0;
        for (let i = 0; i < n; i++) if (values.call[i] !== "background" && !(values.p[i] <= values.p[best] && values.call[best] !== "background")) best = i;
        this.first = { chrom: values.chrom[best], start: values.start[best] - 10000, end: values.end[best] + 10000 };
      }
      return;
    }
    const gene = document.getElementById("gene"), track = document.getElementById("track");
    document.getElementById("gene-names").append(...[...new Set(names)].slice(0, LONGEST_NAMES).map((name) => element("option", { value: name })));
    track.append(...[...tracks].map((name) => element("option", {}, name)));
    for (const label of ["gene-label", "track-label"]) document.getElementById(label).hidden = false;
    gene.addEventListener("change", () => this.showGene(gene.value));
    track.addEventListener("change", () => this.drawGene(gene.value));
  },

  async showGene(name, chrom, tss) {
    await this.open();
    const { n, values } = await loaded("view-genes");
    for (let i = 0; i < n && chrom === undefined; i++) if (values.gene[i] === name) [chrom, tss] = [values.chrom[i], values.tss[i]];
    if (chrom === undefined) return this.said(`no gene ${name} here`);
    await this.drawGene(name);
    this.show(chrom, tss - NEAR, tss + NEAR);
  },

  // A bar for each tile's effect on a gene, test by test, and arcs from its called tiles to its TSS.
  async drawGene(name) {
    document.getElementById("gene").value = name;
    const track = document.getElementById("track").value, colours = about.view.colours, added = [];
    for (const old of this.ofGene ?? []) this.browser.removeTrack(old);
    for (const { table: { n, values }, many } of this.tiles ?? []) {
      const rows = [];
      for (let i = 0; i < n; i++) if (values.gene[i] === name && values.track[i] === track) rows.push(i);
      for (const test of new Set(rows.map((i) => values.test[i]))) {
        const mine = rows.filter((i) => values.test[i] === test && !Number.isNaN(values.effect[i]));
        if (mine.length) added.push({ type: "wig", name: `${name}, ${test}: effect${many}`, height: 80, autoscale: true, color: colours[POSITIVE],
          altColor: colours[NEGATIVE], features: mine.map((i) => ({ chr: values.chrom[i], start: values.start[i], end: values.end[i], value: values.effect[i] })) });
      }
      const genes = await loaded("view-genes"), at = genes.values.gene.indexOf(name), tss = genes.values.tss[at];
      const called = rows.filter((i) => [POSITIVE, NEGATIVE].includes(values.call[i]) && values.start[i] !== undefined);
      if (called.length && at >= 0) added.push({ type: "interact", name: `${name}: called tiles and its TSS${many}`, height: 80, arcType: "nested",
        features: called.map((i) => this.arc(values.chrom[i], values.start[i], values.end[i], tss, tss + 1, { color: colours[values.call[i]] })) });
    }
    this.ofGene = [];
    for (const config of added) this.ofGene.push(await this.browser.loadTrack(config));
    this.labelParts();
  },

  async show(chrom, start, end) {
    this.asked = [chrom, start, end];
    document.getElementById("genome").scrollIntoView();
    await this.open();
    return this.go(chrom, start, end);
  },

  async go(chrom, start, end) {
    const size = about.view.sizes[chrom], from = Math.max(0, Math.floor(start)), to = Math.min(size, Math.ceil(end));
    await this.browser.search(`${chrom}:${from + 1}-${Math.max(to, from + 40)}`);
    this.said(`${chrom}:${from.toLocaleString("en-US")}-${to.toLocaleString("en-US")} is shown`);
  },

  move(way) {
    if (!this.at) return;
    const { chrom, start, end } = this.at, width = end - start, middle = (start + end) / 2;
    const step = { left: [-width / 2, width], right: [width / 2, width], in: [0, width / 2], out: [0, width * 2] }[way];
    this.show(chrom, middle + step[0] - step[1] / 2, middle + step[0] + step[1] / 2);
  },

  // igv.js draws on canvases, without names for its parts.
  labelParts() {
    const root = document.getElementById("igv").shadowRoot ?? document.querySelector("#igv > div")?.shadowRoot ?? document.getElementById("igv");
    for (const canvas of root.querySelectorAll("canvas")) { canvas.setAttribute("role", "img"); canvas.setAttribute("aria-label", "a track of the genome view"); }
    for (const input of root.querySelectorAll("input, select")) input.ariaLabel ??= input.placeholder || input.title || input.name || "setting of a track";
  },
};

function setUpGenome() {
  const section = document.getElementById("genome");
  if (!section) return;
  const seen = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting)) { seen.disconnect(); genomeView.open(); }
  }, { rootMargin: "200px" });
  seen.observe(section);
  const input = document.getElementById("place");
  input.addEventListener("change", () => {
    const place = genomeView.place(input.value);
    if (place) genomeView.show(place.chrom, place.start, place.end);
    else genomeView.said("not a place of this genome: write it as chr1:1,000-2,000");
  });
  for (const button of section.querySelectorAll("[data-move]")) button.addEventListener("click", () => genomeView.move(button.dataset.move));
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-place]");
    if (!link) return;
    event.preventDefault();
    const { chrom, start, end } = genomeView.place(link.dataset.place) ?? {};
    if (chrom && link.dataset.gene) genomeView.showGene(link.dataset.gene).then(() => genomeView.show(chrom, start - 5000, end + 5000));
    else if (chrom) genomeView.show(chrom, start - 5000, end + 5000);
  });
}
