"""`raycre doctor --config`: a line a check, with what to do, and exit 2 where one fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyBigWig
import pytest
import yaml

from raycre.cli import main
from raycre.config.any_verb import read_any
from raycre.workflows.checkup import CHECKS, Case, Finding, examine_case
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
    assert names - passed <= {"weights, tracks, genes", "values", "loops", "devices"}
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
