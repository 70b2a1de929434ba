"""`raycre doctor --config`: a line a check, with what to do, and exit 2 where one fails."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyBigWig
import pytest
import yaml

from raycre.cli import main
from raycre.config import TrainConfig, make_config
from raycre.config.any_verb import read_any
from raycre.genome.features import SignalPaths, Signals
from raycre.genome.fingerprint import fingerprint
from raycre.genome.signal_values import OPENNESS_VALUES, differ_in_scale, sampled_rows
from raycre.store.run import versions_here
from raycre.workflows import checkup_machine
from raycre.workflows.checkup import CHECKS, examine_case
from raycre.workflows.checkup_case import Case, Finding
from raycre.workflows.checkup_machine import NodeAnswer, NodeQuestion, answer_of_node
from raycre.workflows.train.run import openness_values
from tests.lab import Lab, Values


def found(lab: Lab, values: Values) -> list[Finding]:
    return examine_case(Case(*read_any(Path(lab.write("config.yaml", yaml.safe_dump(values))))))


def of(findings: list[Finding], status: str) -> list[tuple[str, str]]:
    return [(each.check, each.about) for each in findings if each.status == status]


@pytest.mark.parametrize("verb", ["train", "predict", "creme"])
def test_a_good_configuration_passes_every_check(lab: Lab, verb: str) -> None:
    findings = found(lab, lab.values(verb))
    assert of(findings, "fail") == []
    names = {name for name, _, verbs in CHECKS if verb in verbs}
    passed = {each.check for each in findings if each.status == "pass"}
    assert names - passed <= {"weights, tracks, genes", "values", "scale", "loops", "devices", "cluster"}
    assert not lab.out.exists()


def test_a_missing_file_fails_with_its_key_and_ends_with_2(lab: Lab, capsys: Any) -> None:
    values = lab.values("predict")
    values["inputs"]["regions"] = str(lab.folder / "absent.bed")
    config = lab.write("config.yaml", yaml.safe_dump(values))
    with pytest.raises(SystemExit) as end:
        main(["doctor", "--config", config, "--json"])
    assert end.value.code == 2
    checks = json.loads(capsys.readouterr().out)["checks"]
    failed = [each for each in checks if each["status"] == "fail"]
    assert failed[0]["check"] == "files"
    assert failed[0]["about"] == "inputs.regions"
    assert failed[0]["remedy"] == "check the path in the configuration"
    assert "genome" in {each["check"] for each in checks if each["status"] == "pass"}  # the others go on


def write_signal(lab: Lab, sizes: dict[str, int], value: float, chroms: int | None = None) -> str:
    path = lab.folder / "signal.bw"
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(sizes.items()))
        names = list(sizes)[:chroms]
        file.addEntries(names, [0] * len(names), ends=[sizes[n] for n in names], values=[value] * len(names))
    return str(path)


def sizes_of(lab: Lab) -> dict[str, int]:
    return Case(*read_any(Path(lab.write("c.yaml", yaml.safe_dump(lab.values("predict")))))).sizes


def test_fold_change_is_told_from_read_counts(lab: Lab) -> None:
    values = lab.values("predict")
    values["inputs"]["openness"] = [write_signal(lab, sizes_of(lab), 2.5)]
    [warned] = [each for each in found(lab, values) if each.check == "values"]
    assert warned.status == "warn"
    assert "no whole numbers (mean 2.5, largest 2.5" in warned.message
    assert "bigWigs of counts" in warned.remedy


def test_a_signal_of_another_assembly_fails(lab: Lab) -> None:
    values, sizes = lab.values("predict"), sizes_of(lab)
    first = next(iter(sizes))
    values["inputs"]["openness"] = [write_signal(lab, {**sizes, first: sizes[first] + 1}, 1.0)]
    failed = [each for each in found(lab, values) if each.status == "fail"]
    assert failed[0].check == "assembly"
    assert (
        f"{first} has {sizes[first] + 1:,} bp here and {sizes[first]:,} bp in the FASTA" in failed[0].message
    )
    assert len(failed) == 1  # said once, though coverage and values end by it, too


def test_regions_without_data_are_counted(lab: Lab) -> None:
    values, sizes = lab.values("predict"), sizes_of(lab)
    regions = lab.write("r.bed", "".join(f"{name}\t2000\t3000\n" for name in sizes))
    values["inputs"] |= {"regions": regions, "openness": [write_signal(lab, sizes, 1.0, chroms=1)]}
    [warned] = [each for each in found(lab, values) if each.check == "coverage"]
    assert warned.status == "warn"
    assert f"chromosomes of {len(sizes) - 1:,} of {len(sizes):,} regions" in warned.message


def test_more_processors_than_there_are_fail(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    values = lab.values("predict")
    values["resources"] = {**values.get("resources", {}), "cpus_per_replica": 4_096}
    assert ("devices", "resources") in of(found(lab, values), "fail")


def test_the_verb_is_told_by_its_keys(lab: Lab, capsys: Any) -> None:
    config = lab.write("config.yaml", "run: {out: x, name: x}\n")
    with pytest.raises(SystemExit) as end:
        main(["doctor", "--config", config])
    assert end.value.code == 2
    assert "of which verb? It has none of sources (prepare), model.checkpoint" in capsys.readouterr().err


def test_prepare_is_checked_to_its_sources(lab: Lab) -> None:
    sizes = lab.write("g.chrom.sizes", "chr1\t100000\n")
    peaks = lab.write("peaks.bed", "".join(f"chr1\t{at}\t{at + 300}\n" for at in range(2_000, 9_000, 700)))
    sources = [
        {"name": "sizes", "kind": "sizes", "assembly": "own", "path": sizes},
        {"name": "peaks", "kind": "peaks", "assembly": "own", "path": peaks},
    ]
    values = {"run": {"out": str(lab.out), "name": "p"}, "assembly": "own", "sources": sources}
    assert of(found(lab, values), "fail") == []
    sources[1]["path"] = str(lab.folder / "absent.bed")
    assert ("files", "sources.peaks") in of(found(lab, values), "fail")


def write_record(lab: Lab, **facts: Any) -> Values:
    """A prediction by a training whose run.json says this of its tracks."""
    record = lab.checkpoint / "run.json"
    copy = lab.folder / "train"
    shutil.copytree(lab.checkpoint, copy)
    (copy / "run.json").write_text(json.dumps(json.loads(record.read_text()) | facts))
    values = lab.values("predict")
    values["model"]["checkpoint"] = str(copy)
    values["inputs"]["openness"] = [write_signal(lab, sizes_of(lab), 9.0)]
    return values


def trained_on(level: float, *, whole: bool = True) -> dict[str, Any]:
    return {OPENNESS_VALUES: {"mean": level, "whole": whole, "quantiles": {"0.99": level}}}


@pytest.mark.parametrize(
    ("facts", "status", "says"),
    [
        (trained_on(20.0), "pass", "mean 9, 99 % of bases at most 9; in training 20 and 20"),
        (trained_on(31.0), "warn", "more than threefold apart: mean 9"),  # log10(32 / 10) is 0.505
        (trained_on(30.0), "pass", "in training 30"),  # log10(31 / 10) is 0.491
        (trained_on(9.0, whole=False), "warn", "whole numbers where the training had no whole numbers"),
        ({}, "warn", "an earlier raycre made the training, which has no record"),
        ({OPENNESS_VALUES: None}, None, ""),
    ],
)
def test_values_are_compared_with_those_of_the_training(
    lab: Lab, facts: dict[str, Any], status: str | None, says: str
) -> None:
    scale = [each for each in found(lab, write_record(lab, **facts)) if each.check == "scale"]
    assert [each.status for each in scale] == ([] if status is None else [status])
    assert all(says in each.message for each in scale)


def test_a_training_keeps_what_its_tracks_values_are_like(lab: Lab) -> None:
    config = make_config(TrainConfig, lab.values("train"))
    signals = Signals(SignalPaths(config.inputs.fasta, tuple(config.inputs.openness)))
    table = Case(*read_any(Path(lab.write("t.yaml", yaml.safe_dump(lab.values("train")))))).regions
    values = openness_values(signals, table)
    assert values is not None
    assert values["whole"]
    mean = signals.read_wide(table.iloc[sampled_rows(len(table))], 0).openness
    assert mean is not None
    assert values["mean"] == pytest.approx(mean.mean())
    assert values["quantiles"]["0.99"] == pytest.approx(np.quantile(mean, 0.99))
    assert differ_in_scale(values, values | {"mean": 4 * values["mean"] + 4})


@contextmanager
def no_ray() -> Iterator[None]:
    yield


def test_every_node_of_a_cluster_is_asked_for_versions_folder_and_inputs(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One like this, one of another raycre that sees neither folder nor FASTA, one that is silent."""
    here = versions_here()
    probes: list[Path] = []

    def ask(function: Callable[[Any], Any], asked: NodeQuestion) -> dict[str, Any]:
        assert asked.probe is not None
        probes.append(asked.probe)
        assert asked.probe.exists()
        other = NodeAnswer({**here, "raycre": "0.0.1"}, False, {"inputs.fasta": "no such file there"})
        return {"a": function(asked), "b": other, "c": TimeoutError("late")}

    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    monkeypatch.setattr(checkup_machine, "connected", no_ray)
    monkeypatch.setattr(checkup_machine, "check_room", lambda share, what: None)
    monkeypatch.setattr(checkup_machine, "fit_now", lambda share: 3)
    monkeypatch.setattr(checkup_machine, "on_every_node", ask)
    monkeypatch.setattr(checkup_machine, "find_over", lambda out: {})
    findings = found(lab, lab.values("predict"))
    nodes = [(each.about, each.status, each.message) for each in findings if each.check == "nodes"]
    assert [(about, status) for about, status, _ in nodes] == [
        ("a", "pass"), ("b", "fail"), ("b", "fail"), ("b", "fail"), ("c", "fail"),
    ]  # fmt: skip
    said = " ".join(message for _, _, message in nodes)
    for part in (
        f"other versions: raycre 0.0.1 (here {here['raycre']})",
        f"does not see {lab.folder}",
        "inputs.fasta: no such file there",
        "no answer (TimeoutError('late'))",
    ):
        assert part in said
    assert not probes[0].exists()
    assert "devices" not in {each.check for each in findings}  # this machine's are not asked for


def test_a_node_names_the_input_that_it_has_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "g.fa"
    path.write_text("ACGT")
    seen = fingerprint(path)
    assert answer_of_node(NodeQuestion(None, {"inputs.fasta": seen})).wrong == {}
    path.write_text("ACGA")
    said = answer_of_node(NodeQuestion(tmp_path / "probe", {"inputs.fasta": seen}))
    assert "another file than here" in said.wrong["inputs.fasta"]
    assert not said.sees_folder
    path.unlink()
    assert (
        "no such file there"
        in answer_of_node(NodeQuestion(None, {"inputs.fasta": seen})).wrong["inputs.fasta"]
    )
