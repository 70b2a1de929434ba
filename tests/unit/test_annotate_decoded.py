"""Motifs that regions lose when a training decodes them without their class's major feature."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from raycre.annotate.decoded import compare_kinds
from raycre.errors import ConfigError, MissingInputError
from raycre.store.parquet import as_table, read_table, write_table
from raycre.store.schemas import RECONSTRUCTION, ZEROED
from raycre.workflows.annotate.run import run_annotation
from tests.run_folders import start_run

WORD = "GATTACAGATTACA"
HEAD = "MEME version 4\n\nALPHABET= ACGT\n\n"


def write_meme(path: Path, *words: str) -> Path:
    text = HEAD
    for word in words:
        text += f"MOTIF {word}.1\nletter-probability matrix: alength= 4 w= {len(word)} nsites= 50\n"
        text += "".join(" ".join("1" if b == c else "0" for b in "ACGT") + "\n" for c in word)
    path.write_text(text)
    return path


def write_training(out: Path, sequences: dict[str, list[str] | None]) -> Path:
    """A finished training of one fold: four silencers and two background regions, decoded as given."""
    start_run(out, "train", name="t").finish()
    labels = [0, 0, 0, 0, 4, 4]
    regions = {
        "region_id": range(6), "chrom": "chr1", "start": [1000 * i for i in range(6)],
        "end": [1000 * i + 1000 for i in range(6)], "name": None, "strand": ".", "source": "x",
        "label": labels, "fold": [2, 0, 2, 2, 2, 2],
    }  # fmt: skip
    write_table(out / "inputs" / "regions.parquet", _table(pd.DataFrame(regions)))
    own: dict[str, Any] = dict.fromkeys(RECONSTRUCTION.names)
    rows = pd.DataFrame(own | {
        "region_id": [0, 2, 3, 5], "class": ["silencer"] * 3 + ["background"], "code": [7, 7, 7, 3],
        **{f"sequence_{kind}": texts for kind, texts in sequences.items()},
    })  # fmt: skip
    pieces = {**dict.fromkeys(ZEROED.names), "region_id": [0, 2, 3, 4, 5], "n_pieces": [2, 0, 1, 0, 0],
              "class": "silencer", "code": 7}  # fmt: skip
    folder = out / "folds" / "fold=2"
    write_table(folder / "reconstruction.parquet", as_table(rows, RECONSTRUCTION))
    write_table(folder / "zeroed.parquet", as_table(pd.DataFrame(pieces), ZEROED))
    return out


def _table(rows: pd.DataFrame) -> Any:
    import pyarrow as pa

    return pa.Table.from_pandas(rows, preserve_index=False)


def around(word: str) -> str:
    return "C" * 20 + word + "C" * 20


def test_a_motif_that_the_decoder_loses_with_the_feature_is_compared_class_by_class(tmp_path: Path) -> None:
    """The word is in all silencers, in two as decoded, in one without the feature, and never elsewhere."""
    run = write_training(tmp_path / "run", {
        "original": [around(WORD)] * 3 + [around("")], "reconstructed": [around(WORD)] * 2 + [around("")] * 2,
        "zeroed": [around("")] * 2 + [around(WORD), around("")],
    })  # fmt: skip
    meme = write_meme(tmp_path / "m.meme", WORD, "AAAAAAAAAAAAAAA")
    found = run_annotation("decoded", {"motifs": meme}, run=[str(run)])
    out = run / "annotations" / "decoded"
    rows = read_table(out / "annotate_decoded.parquet").to_pandas()
    assert rows[["start", "group", "fold", "code", "n_pieces"]].to_numpy().tolist() == [
        [0, "silencer", 2, 7, 2], [2000, "silencer", 2, 7, 0], [3000, "silencer", 2, 7, 1],
        [5000, "background", 2, 3, 0],
    ]  # fmt: skip
    assert rows["n_hits_original"].tolist() == [1, 1, 1, 0]
    assert rows["n_hits_reconstructed"].tolist() == [1, 1, 0, 0]
    assert rows["n_hits_zeroed"].tolist() == [0, 0, 1, 0]
    tests = read_table(out / "annotate_decoded_motifs.parquet").to_pandas().set_index(["group", "motif"])
    mine = tests.loc[("silencer", f"{WORD}.1")]
    assert mine["n"] == 3
    assert mine[[f"share_{k}" for k in ("original", "reconstructed", "zeroed")]].tolist() == [1, 2 / 3, 1 / 3]
    assert mine["mean_zeroed"] == pytest.approx(mine["mean_original"] / 3)
    # Of the nine pairs six are greater and three tie: (6 + 3 / 2) / 9.
    assert mine["auc"] == pytest.approx(7.5 / 9)
    assert np.isnan(tests.loc[("background", f"{WORD}.1"), "p_value"])  # one region: no test
    assert found["motifs_with_a_hit"] == 1
    assert found["most_lost"][0]["motif"] == f"{WORD}.1"
    matrices = read_table(out / "annotate_decoded_matrices.parquet").to_pandas()
    assert len(matrices) == len(WORD)
    assert (out / "files" / f"logo.{WORD}.1.svg").read_text().count('fill="#') == len(WORD)
    assert "nothing is done again" not in str(found)


def test_p_is_that_of_ranks_and_of_all_regions_of_the_class() -> None:
    original = np.array([3.0, 2.0, 4.0, 0.0])
    values = np.stack([original, original / 2, np.zeros(4)])
    (row,) = compare_kinds(iter([("m", values)]), np.array(["silencer"] * 4)).to_dict("records")
    assert (row["n"], row["mean_original"], row["share_original"]) == (4, 2.25, 0.75)
    # 16 pairs: 12 greater, 4 ties.
    assert row["auc"] == 14 / 16
    assert row["p_value"] == row["p_bh"] == row["p_bonferroni"]
    assert row["p_decoded"] == row["p_value"]  # ranks of halves are those of the wholes


def test_what_is_no_training_or_decodes_no_bases_is_named(tmp_path: Path) -> None:
    meme = write_meme(tmp_path / "m.meme", WORD)
    start_run(tmp_path / "predicted", "predict").finish()
    with pytest.raises(ConfigError, match="this is about what a training decodes: name its run with --run"):
        run_annotation("decoded", {"motifs": meme}, run=[str(tmp_path / "predicted")])
    nothing = dict.fromkeys(("original", "reconstructed", "zeroed"))
    run = write_training(tmp_path / "run", nothing)
    with pytest.raises(ConfigError, match="the training's model reads no bases"):
        run_annotation("decoded", {"motifs": meme}, run=[str(run)])
    (run / "folds" / "fold=2" / "reconstruction.parquet").unlink()
    with pytest.raises(MissingInputError, match=r"interpretation\.base_by_base above 0"):
        run_annotation("decoded", {"motifs": meme}, run=[str(run)])
    assert not (run / "annotations").exists()


def test_regions_of_a_training_are_grouped_by_their_true_class(tmp_path: Path) -> None:
    nothing = dict.fromkeys(("original", "reconstructed", "zeroed"))
    run = write_training(tmp_path / "run", nothing)
    contacts = tmp_path / "c.bedpe"
    contacts.write_text("chr1\t100\t200\tchr1\t5100\t5200\n")
    found = run_annotation("contacts", {"contacts": contacts}, run=[str(run)])
    assert found["groups"] == {"silencer": 4, "background": 2}
    with pytest.raises(ConfigError, match="grouped by label, their true class"):
        run_annotation(
            "contacts", {"contacts": contacts}, run=[str(run)], group_by="fold", out=tmp_path / "o"
        )
