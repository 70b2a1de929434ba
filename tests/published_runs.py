"""CREME's published tables (K562, Enformer) as a finished run of ours, from which figures are drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from raycre.compare.pruning import PRUNING
from raycre.store.parquet import as_table, write_table
from raycre.store.schemas import EFFECTS
from tests.run_folders import effect_rows, start_run

TSS_TILE, TILE, N_TILES = 95_804, 5_000, 38  # DIVERGENCES; README of creme_published
_STARTS = np.array([804 + TILE * i for i in range(39) if 804 + TILE * i != TSS_TILE])


def write_published(shared: Path, out: Path) -> Path:
    """Write the published tables as the effects of one CREME run; what they lack is null."""
    tables = Published(shared / "golden" / "creme_published")
    start_run(out, "creme", model="enformer").finish()
    for test, rows in tables.tests().items():
        write_effects(out, test, rows, "enformer")
    write_table(out / "summary" / "compare_pruning.parquet", as_table(tables.pruning(), PRUNING))
    return out


def write_effects(out: Path, test: str, rows: pd.DataFrame, model: str) -> None:
    """Write one test's rows as one part."""
    path = out / "effects" / f"test={test}" / f"model={model}" / "part-000000.parquet"
    write_table(path, as_table(rows.assign(test=test, model=model), EFFECTS))


class Published:
    """The tables of ../shared/golden/creme_published as rows of EFFECTS."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        row = effect_rows("x", "x", [0.0], [None]).astype(object).iloc[0]
        self.blank: dict[str, Any] = {str(key): value for key, value in row.items()}

    def read(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / f"{name}.csv.gz")

    def tests(self) -> dict[str, pd.DataFrame]:
        return {
            "context": self.context(),
            "necessity": self.necessity(),
            "sufficiency": self.sufficiency(),
            "distance": self.distance(),
            "interaction": pd.concat([self.interaction("min"), self.interaction("max")]),
            "finemap": self.finemap(),
            "sets": pd.concat([self.sets("min", "mutant/wt"), self.sets("max", "mutant/control")]),
        }

    def rows(self, table: pd.DataFrame, **columns: Any) -> pd.DataFrame:
        """Rows of EFFECTS, with the gene's columns from `seq_id`."""
        parts = table["seq_id"].str.extract(r"^(?P<gene>.+)_(?P<chrom>chr\w+)_(?P<tss>\d+)_(?P<strand>[+-])")
        given = {
            "gene_id": parts["gene"], "gene_name": parts["gene"], "tile_chrom": parts["chrom"],
            "tss": parts["tss"].astype(np.int64), "strand": parts["strand"], "context": table.get("context"),
        } | columns  # fmt: skip
        blank = {key: value for key, value in self.blank.items() if key not in given}
        return pd.DataFrame(given, index=table.index).assign(**blank).reset_index(drop=True)

    def placed(self, start: Any) -> dict[str, Any]:
        """Columns of a tile at an offset in the model's input."""
        offset = np.asarray(start, dtype=np.int64)
        return {
            "offset_start": offset, "offset_end": offset + TILE, "distance": offset - TSS_TILE,
            "tile_start": offset, "tile_end": offset + TILE,
        }  # fmt: skip

    def context(self) -> pd.DataFrame:
        table = self.read("selected_contexts_K562")
        effect = (table["wt"] - table["mean_mut"]) / table["wt"]
        return self.rows(
            table, effect=effect, wt=table["wt"], mutant=table["mean_mut"], call=table["context"]
        )

    def necessity(self) -> pd.DataFrame:
        table = self.read("necessity_test")
        effect = table["Normalized shuffle effect"]
        return self.rows(table, effect=effect, call="neither", **self.placed(table["tile_start"]))

    def sufficiency(self) -> pd.DataFrame:
        table = self.read("sufficient_CREs")
        given = {
            name: table[ours] for name, ours in (("wt", "wt"), ("control", "control"), ("mutant", "mut"))
        }
        metric = np.where(
            table["tile class"] == "Enhancer", "(mutant-control)/wt", "(mutant-control)/control"
        )
        return self.rows(
            table, effect=table["Normalized CRE effect"], call=table["tile class"].str.lower(), metric=metric,
            **given, **self.placed(table["tile_start"]),
        )  # fmt: skip

    def distance(self) -> pd.DataFrame:
        table = self.read("distance_test").rename(columns={"enf_data_id": "seq_id"})
        tile = table["seq_id"].str.extract(r"_(\d+)_(\d+)$").astype(np.int64)
        call = table["tile class"].str.lower()
        place = {
            "distance": (1000 * table["Binned distance (Kb)"]).astype(np.int64), "tile_start": tile[0],
            "tile_end": tile[1],
        }  # fmt: skip
        own = np.where(call == "enhancer", "(mutant-control)/wt", "(mutant-control)/control")
        pairs = ("Fold change over control", "mutant/max"), ("CRE sufficiency effect", own)
        return pd.concat([self.rows(table, effect=table[c], metric=m, call=call, **place) for c, m in pairs])

    def interaction(self, search: str) -> pd.DataFrame:
        """Two rounds of each search, and the places of the first five tiles, from left to right."""
        wide = self.read(f"{search}_second_iteration").pivot_table(
            index=["seq_id", "context"], columns="kind", values="prediction"
        )
        table = wide.reset_index()
        wt = table["wt"]
        one, two = table["greedy_it1"] / wt, table["greedy_it2"] / wt
        curves = {
            "greedy/wt": (one, table["two_cres_shuffled"] / wt),
            "additive/wt": (one, one + two - 1),
            "multiplicative/wt": (one, one * two),
        }
        rows = [
            self.rows(table, effect=effect, metric=metric, round=r, search=search, wt=wt)
            for metric, points in curves.items()
            for r, effect in enumerate(points)
        ]
        places = self.read(f"{search}_locations").query("tile_selected == 1").reset_index(drop=True)
        rank = places.groupby("seq_id").cumcount()
        offsets = self.placed(_STARTS[places["tile_index"]])
        located = self.rows(places, metric="greedy/wt", round=rank, search=search, **offsets)
        known = pd.concat(rows)
        key = ["gene_id", "tss", "round"]
        first = known[known["metric"] == "greedy/wt"].drop_duplicates(key).set_index(key)["effect"]
        located["effect"] = first.reindex(pd.MultiIndex.from_frame(located[key])).to_numpy()
        others = known[known["metric"] != "greedy/wt"]
        return pd.concat([located, others, self.searched(known, search)])

    def searched(self, known: pd.DataFrame, search: str) -> pd.DataFrame:
        """Classes of searches, by the two tiles that are published: the paper's own are of 25."""
        from raycre.creme.expectation import additive_class

        wide = known[known["round"] == 1].pivot_table(
            index=["gene_id", "tss", "strand", "context"], columns="metric", values="effect"
        )
        gap = wide["greedy/wt"] - wide["additive/wt"]
        mse = gap**2
        calls = [additive_class(float(m), float(g)) for m, g in zip(mse, gap, strict=True)]
        blank = {k: v for k, v in self.blank.items() if k not in ("gene_id", "tss", "strand", "context")}
        made: dict[str, Any] = {
            "metric": "mse(greedy,additive)",
            "effect": mse.to_numpy(),
            "call": calls,
            "search": search,
        }
        table = wide.reset_index()[["gene_id", "tss", "strand", "context"]].assign(**{**blank, **made})
        return table.assign(gene_name=table["gene_id"])

    def sets(self, search: str, metric: str) -> pd.DataFrame:
        table = self.read(f"sufficiency_of_greedy_tiles_{search}")
        n = table["n_tiles"].astype("Int64")
        effect = table["Normalized TSS activity"]
        return self.rows(table, effect=effect, metric=metric, round=(n - 1).mask(n == 0), search=search)

    def fine(self) -> pd.DataFrame:
        table = self.read("fine_tile_comparison")
        tile = table["seq_id"].str.extract(r"_(\d+)_(\d+)$").astype(np.int64)
        return table.assign(start=tile[0], end=tile[1])

    def finemap(self) -> pd.DataFrame:
        """The search's steps: 500 bp go at each, as in the column of bp pruned."""
        table = self.fine().dropna(subset=["CREME score"])
        step = table["step"]
        place = {"tile_start": table["start"], "tile_end": table["end"], "round": step}
        call = np.where(step == 0, "enhancer", "removed")
        size = np.where(step == 0, TILE, 500)
        return self.rows(table, effect=table["CREME score"], metric="mutant/whole", call=call, **place,
                         offset_start=500 * step, offset_end=500 * step + size)  # fmt: skip

    def pruning(self) -> pd.DataFrame:
        """Saliency, chance and XSTREME, whose bp are not published."""
        table = self.fine()
        gene = table["seq_id"].str.extract(r"^(.+)_(chr\w+)_")
        own = {"gene_id": gene[0], "gene_name": gene[0], "chrom": gene[1], "start": table["start"],
               "end": table["end"], "effect": np.nan, "group": "enhancer"}  # fmt: skip
        pruned = 500 * table["step"]
        rows = [
            pd.DataFrame(
                {**own, "method": method, "pruned_bp": pruned, "left_bp": TILE - pruned, "score": table[name]}
            )
            for method, name in (("saliency", "Saliency score"), ("random", "Random score"))
        ]
        motifs = pd.DataFrame({**own, "method": "motifs", "pruned_bp": None, "left_bp": None,
                               "score": table["XSTREME score"]})  # fmt: skip
        rows.append(motifs[table["step"] == 0])
        return pd.concat(rows).dropna(subset=["score"])
