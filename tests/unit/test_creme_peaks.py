"""Genes that peak off their TSS, windows with N, self pairs, and where a context's class is from."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from raycre.backbones.planted import load_planted
from raycre.backbones.reader import Reader
from raycre.backbones.replicates import Replicates
from raycre.config import PerturbConfig
from raycre.demo.genome import DemoGenome
from raycre.errors import GeneError
from raycre.figures.choices import read_choices
from raycre.genome.fasta import Fasta
from raycre.genome.genes import read_genes, read_window, select_genes
from raycre.store.files import read_json
from raycre.store.parquet import read_table
from raycre.workflows.perturb.peaks import aligned_genes, off_peak, peak_bins
from raycre.workflows.perturb.planning import spelling_of_n
from tests.conftest import perturb_config
from tests.in_process import run_creme
from tests.unit.test_backbones_enformer import toy
from tests.unit.test_creme_failures import STARTS

GENES = ("ENHA", "SILA", "ENHB", "SILB", "ENHC", "SILC", "NEUT")
FEW = {"context": 2, "necessity": 2, "sufficiency": 2}


def creme(genome: DemoGenome, out: Path, dry_run: bool = False, **changes: Any) -> dict[str, Any]:
    inputs = {"fasta": str(genome.fasta), "gtf": str(genome.gtf), "genes": list(GENES)} | changes.pop(
        "inputs", {}
    )
    settings = {"n_shuffles": FEW, "tiles": [STARTS[3]]} | changes.pop("creme", {})
    asked = {"inputs": inputs, "tracks": [0, 1], "tests": ["context"], "creme": settings, "resources": {}}
    return run_creme(perturb_config(genome, out, **asked | changes), dry_run=dry_run)


def effects(out: Path) -> pd.DataFrame:
    return pd.read_parquet(out / "effects").astype({"test": str, "model": str})


def test_a_peak_in_any_tss_bin_counts_and_ties_go_to_these() -> None:
    profile = np.array([[0, 5, 1, 2], [1, 5, 0, 2], [2, 5, 0, 2], [1, 5, 3, 9]], dtype=np.float32)
    # Bins 1 and 2 are the TSS's: alone highest in bin 2; all equal; highest in bin 3 twice.
    assert peak_bins(profile, (1, 2)).tolist() == [2, 1, 3, 3]


def test_all_bins_of_a_wild_type_are_read_from_both_strands() -> None:
    model = load_planted(seq_len=2_560)
    codes = np.random.default_rng(0).integers(0, 4, 2_560, dtype=np.uint8)
    codes[56:71] = ["ACGT".index(b) for b in "AAGATGGCGTCCTGA"]  # a promoter in the first bin of twenty
    both = Reader(model, (0, 1), bins=range(20)).whole(codes)
    direct = model.read(torch.from_numpy(codes[None]), range(20), [0, 1])[0].numpy()
    np.testing.assert_array_equal(both, direct)
    assert peak_bins(both, model.tss_bins).tolist() == [
        0,
        0,
    ]  # of bins 0-4, which see the promoter, the first


def test_tracks_on_which_a_gene_does_not_peak_are_dropped_and_it_goes_on_with_the_others() -> None:
    study: Any = SimpleNamespace(tracks=(7, 9))
    names = {"gene_id": ["a", "a", "b", "c"], "gene_name": ["A", "A", "B", "C"]}
    peaks = pd.DataFrame(
        {"row": [0, 0, 1, 2], "track_id": [7, 9, 9, 7], "at_tss": [False, True, True, False], **names}
    )
    genes: list[dict[str, Any]] = [{"gene_id": "a"}]
    genes += [{"gene_id": "b", "searched": (1,)}, {"gene_id": "c", "searched": (0,)}]
    kept = aligned_genes(study, genes, peaks)
    assert [(gene["gene_id"], gene["searched"]) for gene in kept] == [("a", (1,)), ("b", (1,))]
    assert off_peak(peaks) == [
        {"gene_id": "a", "gene_name": "A", "tracks": [7]},
        {"gene_id": "c", "gene_name": "C", "tracks": [7]},
    ]


def test_genes_that_peak_elsewhere_are_dropped_by_name_and_counted(
    genome: DemoGenome, tmp_path: Path
) -> None:
    model, fasta = load_planted(), Fasta(genome.fasta)
    aligned = set()
    for gene in select_genes(read_genes(genome.gtf), GENES).to_dict("records"):
        codes = read_window(fasta, gene["chrom"], gene["tss"], gene["strand"], model.seq_len)
        profile = model.read(torch.from_numpy(codes[None]), range(model.n_bins), [0])[0, :, 0]
        if profile[list(model.tss_bins)].max() >= profile.max():
            aligned.add(gene["gene_name"])
    # Enhancers on one side of a promoter pull the peak of its nine bins that way; NEUT has equal ones.
    assert aligned == {"SILA", "ENHB", "NEUT"}

    asked: dict[str, Any] = {"inputs": {"peak_at_tss": "drop"}, "tests": ["context", "necessity"]}
    before = creme(genome, tmp_path, dry_run=True, **asked)
    kept_all = creme(genome, tmp_path, dry_run=True, tests=["context", "necessity"])
    assert before["passes"] == kept_all["passes"] + len(
        GENES
    )  # one more wild type each, of which all is read
    record = creme(genome, tmp_path, **asked)
    assert set(effects(tmp_path)["gene_name"]) == aligned
    assert {gene["gene_name"] for gene in record["off_peak"]} == {*GENES} - aligned
    assert {tuple(gene["tracks"]) for gene in record["off_peak"]} == {(0, 1)}
    table = read_table(tmp_path / "summary" / "peaks.parquet").to_pandas()
    assert len(table) == 2 * len(GENES)
    assert table["at_tss"].equals(table["peak_bin"].isin(model.tss_bins))
    assert set(table.loc[table["at_tss"], "gene_name"]) == aligned
    # A wild type, two backgrounds and two shuffles of a tile for each of three genes, and seven peaks.
    assert record["passes"] == {"planned": 3 * 5 + 7, "done_now": 3 * 5 + 7}
    assert any("dropped on tracks" in getattr(block, "caption", "") for block in read_choices(tmp_path))

    again = creme(genome, tmp_path, **asked)
    assert again["passes"] == {"planned": 3 * 5 + 7, "done_now": 0}
    after = creme(genome, tmp_path, dry_run=True, **asked)
    assert (after["passes"], after["passes_to_do"]) == (3 * 5 + 7, 0)
    record = creme(genome, tmp_path, tests=["context", "necessity"])  # the folder takes the others too
    assert record["off_peak"] == []
    assert not (tmp_path / "summary" / "peaks.parquet").exists()
    assert set(effects(tmp_path)["gene_name"]) == {*GENES}


def test_a_run_of_which_no_gene_is_left_says_so(genome: DemoGenome, tmp_path: Path, capsys: Any) -> None:
    record = creme(genome, tmp_path, inputs={"genes": ["ENHA"], "peak_at_tss": "drop"}, tests="pipeline")
    assert (record["effects"], record["calls"]) == (0, [])
    assert "0 of 1 genes peak at their TSS; dropped on one or more tracks: 1 ENHA" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("compat", "given", "drops", "max_n"),
    [
        ("fixed", {}, False, 0),
        ("reference", {}, True, 65_536),
        ("fixed", {"peak_at_tss": "drop", "max_n": 7}, True, 7),
        ("reference", {"peak_at_tss": "keep", "max_n": 0}, False, 0),
    ],
)
def test_what_is_left_out_follows_compat_unless_it_is_said(
    genome: DemoGenome, tmp_path: Path, compat: str, given: dict[str, Any], drops: bool, max_n: int
) -> None:
    inputs = {"fasta": str(genome.fasta), "gtf": str(genome.gtf), "genes": ["ENHA"], **given}
    config: PerturbConfig = perturb_config(genome, tmp_path, inputs=inputs, creme={"compat": compat})
    assert (config.drops_off_peak, config.max_n(65_536)) == (drops, max_n)


@pytest.fixture
def with_n(genome: DemoGenome, tmp_path: Path) -> Path:
    """The genome with ten N in the windows of both TSSs of SILC, and of no other gene."""
    path = tmp_path / "genome.fa"
    shutil.copy(genome.fasta, path)
    with Fasta(path) as fasta:
        sizes = fasta.sizes
    text, position, name = [], 0, ""
    for line in path.read_text().splitlines():
        if line.startswith(">"):
            name, position = line[1:].split()[0], 0
        else:
            low, high = max(6_000 - position, 0), min(6_010 - position, len(line))
            if name == "chr3" and low < high:
                line = line[:low] + "N" * (high - low) + line[high:]
            position += len(line)
        text.append(line)
    path.with_name("genome.fa.fai").unlink(missing_ok=True)
    path.write_text("\n".join(text) + "\n")
    assert sizes["chr3"] > 6_010
    return path


def test_what_the_rule_for_n_costs_is_said(genome: DemoGenome, tmp_path: Path, with_n: Path) -> None:
    inputs = {"fasta": str(with_n), "genes": {"top": 3}}
    fixed = creme(genome, tmp_path / "run", dry_run=True, inputs=inputs)
    # Two TSSs of each of seven genes.
    assert fixed["notes"][0] == (
        "2 of 14 TSSs are refused (2 hold N): 1 of 7 genes are lost, which is at most 1 of the 3 most active "
        "of a track. The paper keeps them; inputs.max_n, or creme.compat: reference, does"
    )
    reference = creme(genome, tmp_path / "run", dry_run=True, inputs=inputs, creme={"compat": "reference"})
    assert reference["refused"] == []
    # "reference" drops one TSS of each of the four - genes, by their common start.
    assert reference["notes"][0] == (
        "1 of 10 windows hold N and are kept; N is 0 in every channel of the input, where the paper has 0.25"
    )
    with pytest.raises(GeneError, match="SILC because 10 N in the window"):
        creme(genome, tmp_path / "run", inputs={"fasta": str(with_n), "genes": ["SILC"]})
    kept = {"fasta": str(with_n), "genes": ["SILC"], "peak_at_tss": "keep"}
    creme(genome, tmp_path / "run", inputs=kept, creme={"compat": "reference"})
    assert set(effects(tmp_path / "run")["gene_name"]) == {"SILC"}
    assert read_json(tmp_path / "run" / "run.json")["identity"]["n_in_input"] == 0.0
    assert any(
        "windows hold N and are kept" in getattr(b, "text", "") for b in read_choices(tmp_path / "run")
    )


def test_n_is_a_quarter_in_every_channel_of_the_published_models() -> None:
    model = toy()
    n = model.one_hot(torch.full((1, 3), 4, dtype=torch.uint8))
    assert n.tolist() == [[[0.25] * 3] * 4]
    assert spelling_of_n(model) == spelling_of_n(Replicates([model])) == 0.25


def test_self_pairs_of_the_swap_are_rows_of_reference_alone(genome: DemoGenome, tmp_path: Path) -> None:
    for compat, n in (("fixed", 2), ("reference", 4)):
        out = tmp_path / compat
        inputs = {"genes": ["ENHA", "SILA"], "peak_at_tss": "keep"}
        creme(genome, out, inputs=inputs, tracks=[0], tests=["swap"], creme={"compat": compat})
        found = effects(out)
        at_home = found[found["gene_id"] == found["context_gene_id"]]
        assert (len(found), len(at_home)) == (n, n - 2)
        assert set(at_home["effect"]) <= {1.0}  # a TSS at home


def test_rows_say_which_shuffles_the_class_of_their_context_is_from(
    genome: DemoGenome, tmp_path: Path
) -> None:
    shuffles = {"context": 5, "necessity": 2, "sufficiency": 3}
    found = {}
    for tests in (["context", "necessity"], ["necessity", "sufficiency"], ["necessity"]):
        out = tmp_path / "-".join(tests)
        record = creme(
            genome, out, inputs={"genes": ["ENHA", "SILA"]}, tests=tests, creme={"n_shuffles": shuffles}
        )
        found["-".join(tests)] = effects(out)
        of_controls = "sufficiency" in tests and "context" not in tests
        assert any("classified by the 3 controls" in note for note in record["notes"]) == of_controls
    columns = ["context", "context_test", "context_n"]

    def of(name: str, gene: str) -> set[tuple[Any, ...]]:
        rows = found[name][found[name]["gene_name"] == gene][columns].astype(object)
        return set(rows.where(rows.notna(), None).itertuples(index=False, name=None))

    assert of("context-necessity", "ENHA") == {("enhancing", "context", 5)}
    assert of("context-necessity", "SILA") == {("silencing", "context", 5)}
    assert of("necessity-sufficiency", "ENHA") == {("enhancing", "sufficiency", 3)}
    assert of("necessity", "ENHA") == {(None, None, None)}
