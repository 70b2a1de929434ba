"""Finished runs with small simulated tables and planted differences, from which every figure draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from raycre.annotate.declaration import KINDS
from raycre.annotate.decoded import DECODED_MOTIFS, DECODED_REGIONS, compare_kinds
from raycre.annotate.dual import DUAL_PARTNERS
from raycre.annotate.matrices import MATRICES, matrix_rows
from raycre.annotate.motifs import MOTIFS_REGIONS
from raycre.annotate.snpsea import SNPSEA_TISSUES
from raycre.annotate.sources import SOURCES_SHARES
from raycre.compare.marks import MARK_TESTS, MARKS, compare_groups
from raycre.compare.overlap import OVERLAPS
from raycre.compare.profiles import PROFILES
from raycre.compare.pruning import PRUNING
from raycre.compare.saliency import SALIENCY_BASES
from raycre.create.evaluation.curves import confusion, curves
from raycre.create.evaluation.metrics import table as metrics_table
from raycre.genome.classes import CLASSES
from raycre.genome.meme import Motif
from raycre.store.parquet import as_table, write_table
from raycre.store.schemas import CONFUSION, CURVES, EFFECTS, METRICS, PREDICTIONS, SPECTRUM, ZEROED
from tests.run_folders import effect_rows, prediction_rows, start_run

CONTEXTS = ("enhancing", "neutral", "silencing")
MOTIFS = [
    Motif(name, None, np.array([[0.85 if b == c else 0.05 for b in "ACGT"] for c in word]), 50.0, 1)
    for name, word in (("MAFA", "TGCTGACTCAGCA"), ("REST", "TTCAGCACC"), ("CTCF", "CCACTAGGGGGC"))
]
_TILES = np.array([d for d in range(-95_000, 100_000, 5_000) if d])
_ROUNDS = 6
_ON_BOTH = ("context", "necessity")  # tests that have rows of two tracks


def write_training(out: Path, skill: float, seed: int, folds: int = 5) -> Path:
    """A cross-validation whose probabilities know the truth as well as `skill` says (0 to 1)."""
    start_run(out, "train", name=out.name).finish()
    metrics, lines, cells = [], [], []
    for fold in range(folds):
        random = np.random.default_rng([fold, seed])
        labels = np.repeat(np.arange(5), 40)
        logits = random.normal(size=(200, 5)) + 4 * skill * np.eye(5)[labels]
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        metrics.append(metrics_table(labels, p).assign(fold=fold))
        lines.append(curves(labels, p).assign(fold=fold))
        cells.append(confusion(labels, p).assign(fold=fold))
    for name, tables, schema in (
        ("metrics", metrics, METRICS), ("curves", lines, CURVES), ("confusion", cells, CONFUSION),
    ):  # fmt: skip
        write_table(out / "summary" / f"{name}.parquet", as_table(pd.concat(tables), schema))
    folder, random = out / "folds" / "fold=0", np.random.default_rng(seed)
    label = np.repeat(np.array(CLASSES), 40)
    angle = np.repeat(np.arange(5), 40) * 2 * np.pi / 5
    place = {"x": np.cos(angle) + random.normal(0, 0.2, 200), "y": np.sin(angle) + random.normal(0, 0.2, 200)}
    rows = pd.DataFrame({"region_id": range(200), "label": label, "call_argmax": label, **place})
    write_table(folder / "embeddings.parquet", pa.Table.from_pandas(rows))
    write_table(folder / "spectrum.parquet", as_table(_spectrum(), SPECTRUM))
    gain = {"original": 1.0, "reconstructed": 0.9, "zeroed": 0.4}
    zeroed = pd.DataFrame({"region_id": range(200), "class": label, "code": 7, "n_pieces": 3})
    for signal in ("openness", "loops"):
        for kind, mean in gain.items():
            zeroed[f"{signal}_{kind}"] = mean + random.normal(0, 0.15, 200)
    write_table(folder / "zeroed.parquet", as_table(zeroed.assign(bases_changed=0.1), ZEROED))
    _write_decoded(out / "annotations" / "decoded", label, random)
    return out


def _write_decoded(out: Path, label: Any, random: np.random.Generator) -> None:
    """What `raycre annotate decoded` leaves: motifs that decoded regions lose without their major feature."""
    regions = pd.DataFrame({"region_id": range(len(label)), "chrom": "chr1", "start": 0, "end": 1000,
                            "group": label, "fold": 0, "code": 7, "n_pieces": 3})  # fmt: skip
    write_table(out / "annotate_decoded.parquet", pa.Table.from_pandas(regions))
    values = {name: np.clip(random.normal([[g], [0.8 * g], [0.1]], 0.4, (3, len(label))), 0, None)
              for name, g in (("MAFA", 2.0), ("LHX6", 1.5), ("PAX8", 1.0), ("MYC", 0.1))}  # fmt: skip
    parts = []
    for name, of in values.items():
        rows = pd.DataFrame({"region_id": range(len(label)), "motif": name})
        for kind, each in zip(KINDS, of, strict=True):
            rows[f"n_hits_{kind}"], rows[f"neglog10_p_{kind}"] = (each > 0).astype(int), each
        parts.append(rows)
    part = out / "annotate_decoded_regions" / "part-000000.parquet"
    write_table(part, as_table(pd.concat(parts), DECODED_REGIONS))
    tests = compare_kinds(iter(values.items()), label)
    write_table(out / "annotate_decoded_motifs.parquet", as_table(tests, DECODED_MOTIFS))
    write_table(out / "annotate_decoded_matrices.parquet", as_table(matrix_rows(MOTIFS), MATRICES))


def _spectrum() -> pd.DataFrame:
    rows = []
    for code in range(20):
        for i, name in enumerate(CLASSES):
            own = i == code // 4
            score = (0.9 if own else 0.025) - 0.005 * (code % 4)
            rows.append({"class": name, "code": code, "count": 10, "t": 0.05, "p": score, "p_max": 0.9,
                         "class_of_feature": CLASSES[code // 4], "order": code})  # fmt: skip
    return pd.DataFrame(rows)


def write_predicted(out: Path, seed: int = 0, n: int = 40) -> Path:
    """A prediction of n regions of each class, with every annotation that a figure is drawn from."""
    start_run(out, "predict", name=out.name).finish()
    random = np.random.default_rng(seed)
    calls = [c for c in CLASSES for _ in range(n)]
    rows = prediction_rows(calls, list(random.uniform(0.4, 1, len(calls))))
    rows[[f"p_{c}" for c in CLASSES]] *= random.uniform(0.5, 1, (len(rows), 1))
    dual = np.arange(len(rows)) % 2 == 0
    rows.loc[dual & (rows["call"] == "silencer"), "p_enhancer"] += 0.2
    rows.loc[dual & (rows["call"] == "enhancer"), "p_silencer"] += 0.2
    write_table(out / "predictions" / "part-00000.parquet", as_table(rows, PREDICTIONS))
    place = rows[["region_id", "chrom", "start", "end", "name"]].assign(strand=".", group=calls)
    rank = np.array([CLASSES.index(c) for c in calls])

    def annotated(what: str, more: str = "", **columns: Any) -> None:
        path = out / "annotations" / what / f"annotate_{what}{more}.parquet"
        write_table(path, pa.Table.from_pandas(place.assign(**columns), preserve_index=False))

    annotated("methylation", methylation=np.clip(90 - 12 * rank + random.normal(0, 8, len(rank)), 0, 100))
    annotated("conservation", mean0=np.clip(0.5 - 0.08 * rank + random.normal(0, 0.05, len(rank)), 0, 1))
    annotated("contacts", distinct_anchors=random.poisson(4 - 0.7 * rank))
    annotated("eqtls", blood_variants=random.poisson(1 + 8 * rows["p_background"]))
    annotated("variants", variants=random.poisson(30, len(rank)), rare=random.poisson(12 - 1.5 * rank))
    kind = np.where(rank == 0, np.where(np.arange(len(rank)) % 2, "normal_silencer", "DFRE"), None)
    annotated("dual", dual_class=kind)
    annotated("motifs", n_motifs=1)
    folder = out / "annotations"
    partners = place[rank == 1].assign(**{"class": ["DFRE_partner", "normal_enhancer"] * (n // 2)})
    write_table(folder / "dual" / "annotate_dual_partners.parquet", as_table(partners, DUAL_PARTNERS))
    pairs = [
        {"region_id": i, "motif": motif, "neglog10": max(0.1, scale * (4 - r) + random.normal(0, 0.3))}
        for motif, scale in (("FOXD1", 0.9), ("REST", 0.5), ("CTCF", 0.2))
        for i, r in enumerate(rank)
        if random.uniform() < 0.7
    ]
    table = place.drop(columns=["name", "strand", "group"]).merge(pd.DataFrame(pairs), on="region_id")
    p = table.pop("neglog10")
    table = table.assign(n_hits=1, best_p=1e-5, best_score=9.0, fisher_chi2=1.0, fisher_df=2, fisher_p=10**-p,
                         neglog10_fisher_p=p, neglog10_fisher_p_one_strand=p)  # fmt: skip
    part = folder / "motifs" / "annotate_motifs_regions" / "part-00000.parquet"
    write_table(part, as_table(table, MOTIFS_REGIONS))
    write_table(
        folder / "motifs" / "annotate_motifs_matrices.parquet", as_table(matrix_rows(MOTIFS), MATRICES)
    )
    shares = [
        {"group": c, "source": s, "n_regions": n, "n_regions_with_source": 10, "share_of_regions": 0.25,
         "share_of_region_source_pairs": w, "fractional_share": w}
        for i, c in enumerate(CLASSES)
        for s, w in zip(("DNase", "H3K27ac", "H3K27me3"), np.roll((0.6, 0.3, 0.1), i), strict=True)
    ]  # fmt: skip
    path = folder / "sources" / "annotate_sources_shares.parquet"
    write_table(path, as_table(pd.DataFrame(shares), SOURCES_SHARES))
    found = [
        {"group": "silencer", "tissue": f"T{i}", "loci": 30, "genes": 40, "score": 9.0 - i, "null_sets": 999,
         "null_sets_reaching": 4**i, "p_value": (4**i + 1) / 1000, "p_bonferroni": 1.0, "exact": 0.0}
        for i in range(5)
    ]  # fmt: skip
    write_table(
        folder / "snpsea" / "annotate_snpsea_tissues.parquet", as_table(pd.DataFrame(found), SNPSEA_TISSUES)
    )
    return out


def write_matrix(path: Path) -> Path:
    """Expression of 30 genes in the tissues of `write_predicted`."""
    random = np.random.default_rng(0)
    values = random.normal(size=(30, 5)) + random.normal(size=(30, 1)) * np.array([1, 1, -1, -1, 0])
    columns = [f"T{i}" for i in range(5)]
    table = pd.DataFrame(values, [f"G{i}" for i in range(30)], columns)
    table.to_csv(path, sep="\t", index_label="gene")
    return path


def write_ldsc(path: Path) -> Path:
    """LDSC's .results of four classes."""
    lines = ["Category Prop._SNPs Prop._h2 Prop._h2_std_error Enrichment Enrichment_std_error Enrichment_p"]
    lines += ["baseL2_0 1.0 1.0 0.0 1.0 0.0 NA"]
    lines += [f"{c}L2_0 0.01 0.0{9 - i} 0.01 {9.0 - 2 * i} 1.2 1e-{6 - i}" for i, c in enumerate(CLASSES)]
    path.write_text("\n".join(line.replace(" ", "\t") for line in lines) + "\n")
    return path


def write_perturbed(
    out: Path, n: int = 6, seed: int = 0, model: str = "planted", only: str | None = None
) -> Path:
    """A CREME run of n genes of each context, all tests (or `only` one); enhancers lie near the TSS.

    The tests that are about every track have two, all others one.
    """
    start_run(out, "creme", name=out.name, model=model).finish()
    random = np.random.default_rng(seed)
    tables: dict[str, list[pd.DataFrame]] = {}
    for track, cell in ((5111, "K562"), (5110, "GM12878")):
        more: dict[str, Any] = {"track_id": track, "track_name": f"CNhs{track}", "biosample": cell}
        for context in CONTEXTS:
            for i in range(n):
                gene = f"{context[:3].upper()}{i}"
                for test, rows in _gene(gene, context, random, n).items():
                    if only in (None, test) and (track == 5111 or test in _ON_BOTH):
                        own = rows.assign(gene_id=f"ID-{gene}", gene_name=gene, context=context, **more)
                        tables.setdefault(test, []).append(own)
    row = effect_rows("x", "x", [0.0], [None]).astype(object).iloc[0]
    for test, parts in tables.items():
        table = pd.concat(parts, ignore_index=True)
        blank = {str(key): value for key, value in row.items() if key not in table and key != "test"}
        path = out / "effects" / f"test={test}" / f"model={model}" / "part-000000.parquet"
        write_table(path, as_table(table.assign(**blank, test=test), EFFECTS))
    if only is None:
        _write_compared(out, random)
    return out


def _gene(gene: str, context: str, random: np.random.Generator, n: int) -> dict[str, pd.DataFrame]:
    """Rows of one gene by test, with the columns that are its own."""
    wt = float(random.uniform(5, 50))

    def rows(test: str, **columns: Any) -> pd.DataFrame:
        length = max(
            (len(v) for v in columns.values() if not isinstance(v, str | float | int | None)), default=1
        )
        return pd.DataFrame({"wt": wt, **columns}, index=range(length))

    sign = {"enhancing": 1.0, "neutral": 0.0, "silencing": -1.0}[context]
    whole = {"enhancing": 0.97, "neutral": 0.0, "silencing": -0.8}[context] + random.normal(0, 0.01)
    near = np.exp(-np.abs(_TILES) / 20_000)
    tile = {"distance": _TILES, "tile_start": 100_000 + _TILES, "tile_end": 105_000 + _TILES}
    effect = 0.5 * sign * near + random.normal(0, 0.03, len(_TILES))
    call = np.where(effect > 0.3, "enhancer", np.where(effect < -0.3, "silencer", "neither"))
    control = 0.1 * wt if sign > 0 else 2.0 * wt
    base = wt if sign > 0 else control
    found = {
        "context": rows("context", effect=whole, call=context),
        "necessity": rows("necessity", effect=effect, call=call, **tile),
        "sufficiency": rows("sufficiency", effect=effect, call=call, control=control,
                            mutant=control + effect * base, **tile),
        "swap": pd.concat([
            rows("swap", effect=float(random.lognormal(0.4 * (s - sign), 0.2)), metric="mutant/wt",
                 context_gene_id=f"ID-{c[:3].upper()}{j}", context_tss=100_000)
            for c, s in zip(CONTEXTS, (1, 0, -1), strict=True) for j in range(min(n, 4))
        ]),
    }  # fmt: skip
    if sign:
        kind = "enhancer" if sign > 0 else "silencer"
        moved = {"distance": _TILES, "tile_start": 107_500, "call": kind}
        decay = 0.2 + 0.8 * near if sign > 0 else 1 - 0.5 * near
        own = "(mutant-control)/wt" if sign > 0 else "(mutant-control)/control"
        found["distance"] = pd.concat([
            rows("distance", effect=decay + random.normal(0, 0.03, len(near)), metric="mutant/max", **moved),
            rows("distance", effect=0.5 * sign * near, metric=own, **moved),
        ])  # fmt: skip
        copies = np.arange(8)
        found["multiplicity"] = rows(
            "multiplicity", effect=1 + sign * (1 - np.exp(-copies / 3)) * random.uniform(0.5, 0.9),
            metric="mutant/original", copies=copies, call=kind,
        )  # fmt: skip
        found["sets"] = _sets(rows, sign, random)
        found["finemap"] = _fine(rows, kind)
    found["interaction"] = pd.concat([_search(rows, way, gene, context, random) for way in ("min", "max")])
    return found


def _search(rows: Any, way: str, gene: str, context: str, random: np.random.Generator) -> pd.DataFrame:
    stratum = ("superadditive", "subadditive", "additive")[int(gene[3:]) % 3]
    r = np.arange(_ROUNDS)
    own = context == {"min": "enhancing", "max": "silencing"}[way]  # where the search finds most
    slope = {"min": -0.4, "max": 0.15}[way] * (1 if own else 0.4)
    greedy = np.exp(slope * (r + 1)) + random.normal(0, 0.01, _ROUNDS)
    shift = {"superadditive": -0.12, "subadditive": 0.12, "additive": 0.0}[stratum] * (r + 1)
    place = {"round": r, "search": way, "distance": random.choice(_TILES[14:25], _ROUNDS, replace=False)}
    curves = {
        "greedy/wt": greedy, "additive/wt": greedy + shift, "multiplicative/wt": greedy + 0.3 * shift,
        "ln(greedy)/ln(wt)": 1 + 0.2 * np.log(greedy), "ln(multiplicative)/ln(wt)": 1 + 0.3 * np.log(greedy),
    }  # fmt: skip
    whole = rows("interaction", effect=0.2, metric="mse(greedy,additive)", call=stratum, search=way)
    return pd.concat([*(rows("interaction", effect=c, metric=m, **place) for m, c in curves.items()), whole])


def _fine(rows: Any, kind: str) -> pd.DataFrame:
    """A search of an element of 5 kb that keeps 1 kb of it."""
    gone = np.arange(1, 9)
    place = {"tile_start": 105_000, "tile_end": 110_000, "metric": "mutant/whole"}
    score = 1 - 0.01 * gone if kind == "enhancer" else 1 + 0.01 * gone
    removed = {"offset_start": 500 * (gone + 1), "offset_end": 500 * (gone + 2), "call": "removed"}
    return pd.concat([
        rows("finemap", effect=1.0, round=0, call=kind, offset_start=0, offset_end=5_000, **place),
        rows("finemap", effect=score, round=gone, **removed, **place),
        rows("finemap", effect=0.5 if kind == "enhancer" else 1.5, round=9, offset_start=500,
             offset_end=1_000, call="reverted", **place),
        rows("finemap", effect=score[-1], round=np.nan, offset_start=0, offset_end=500, call="kept", **place),
    ])  # fmt: skip


def _sets(rows: Any, sign: float, random: np.random.Generator) -> pd.DataFrame:
    way, metric = ("min", "mutant/wt") if sign > 0 else ("max", "mutant/control")
    k = np.arange(_ROUNDS + 1)
    rise = 1 - np.exp(-k / 2) if sign > 0 else 0.4 + 0.6 * np.exp(-k / 2)
    round_ = np.where(k == 0, np.nan, k - 1)
    effect = rise + random.normal(0, 0.02, len(k))
    return rows("sets", effect=effect, metric=metric, round=round_, search=way)


def _write_compared(out: Path, random: np.random.Generator) -> None:
    """What `raycre compare` leaves: marks, known elements, repeats, profiles, bases chosen."""
    _write_predicted_again(out / "summary", random)
    tiles = effect_rows("A", "x", [0.4] * 60, ["enhancer"] * 60)
    tiles = tiles.rename(columns={"tile_chrom": "chrom", "tile_start": "start", "tile_end": "end"})
    tiles = tiles.assign(group=np.repeat(["enhancer", "silencer"], 30))
    marks = []
    for i, mark in enumerate(("DNase", "H3K27ac", "H3K9me3", "EP300", "CBX5")):
        gain = np.where((tiles["group"] == "enhancer") == (i not in (2, 4)), 3.0, 1.0)
        mean = random.gamma(4, gain / 4)
        marks.append(tiles.assign(mark=mark, mean=mean, max=mean * 3))
    rows = pd.concat(marks, ignore_index=True)
    summary = out / "summary"
    write_table(summary / "compare_marks.parquet", as_table(rows, MARKS))
    tests = compare_groups(rows, "enhancer", "silencer")
    write_table(summary / "compare_mark_tests.parquet", as_table(tests, MARK_TESTS))
    for name, kinds in (("overlap", ("promoters", "enhancers")), ("repeats", ("LINE", "LTR", "SINE"))):
        found = [
            {"annotation": kind, "group": group, "n": 30, "n_overlapping": 8, "percent": 20.0 + 5 * i - 4 * j,
             "bases": 150_000, "bases_covered": 15_000, "percent_bases": 10.0 + 6 * j - 2 * i,
             "n_others": 400,
             "n_others_overlapping": 90, "odds_ratio": 1.2, "p_value": 0.04}
            for i, kind in enumerate(kinds)
            for j, group in enumerate(("enhancer", "silencer"))
        ]  # fmt: skip
        write_table(summary / f"compare_{name}.parquet", as_table(pd.DataFrame(found), OVERLAPS))


def _write_predicted_again(summary: Path, random: np.random.Generator) -> None:
    """What comparisons leave that ask the model again."""
    bins = np.arange(200)
    genes = [
        {"gene_id": f"ID-{c[:3].upper()}0", "gene_name": f"{c[:3].upper()}0", "chrom": "chr7", "tss": 100_000,
         "strand": "+", "context": c, "tss_bin": 100, "wt": 10 * np.exp(-((bins - 100) ** 2) / 20) + 0.1,
         "shuffled": 10 * left * np.exp(-((bins - 100) ** 2) / 20) + 0.1}
        for c, left in zip(CONTEXTS, (0.05, 1.0, 1.8), strict=True)
    ]  # fmt: skip
    write_table(summary / "compare_profiles.parquet", as_table(pd.DataFrame(genes), PROFILES))
    rows = []
    for kind, gene in (("enhancer", "ENH"), ("silencer", "SIL")):
        sign = 1 if kind == "enhancer" else -1
        for i in range(4):
            own = {"gene_id": f"ID-{gene}{i}", "gene_name": f"{gene}{i}", "chrom": "chr7", "start": 105_000,
                   "end": 110_000, "effect": 0.5, "group": kind}  # fmt: skip
            for method, lost in (("saliency", 0.12), ("random", 0.2)):
                rows += [own | {"method": method, "pruned_bp": 500 * k, "left_bp": 5_000 - 500 * k,
                                "score": 1 - sign * lost * k * 0.5 + random.normal(0, 0.01)}
                         for k in range(11)]  # fmt: skip
            rows.append(own | {"method": "motifs", "pruned_bp": 4_200, "left_bp": 800, "score": 0.3})
    write_table(summary / "compare_pruning.parquet", as_table(pd.DataFrame(rows), PRUNING))
    bases = {"gene_id": "ID-ENH0", "gene_name": "ENH0", "chrom": "chr7", "tss": 100_000, "strand": "+"}
    values = pd.DataFrame([bases | {"saliency": random.normal(size=5_000)}])
    part = summary / "compare_saliency_bases" / "part-000000.parquet"
    write_table(part, as_table(values, SALIENCY_BASES))
