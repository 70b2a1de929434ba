"""Help comes at once: it imports nothing of what its verb is about."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.test_cli_manners import commands

HEAVY = ("numpy", "scipy", "pandas", "pyarrow", "sklearn", "matplotlib", "pydantic", "torch", "ray")

HELP_OF_EACH = """
import json, sys
from contextlib import redirect_stdout, suppress
from io import StringIO
from raycre.cli import main

heavy, each = json.loads(sys.argv[1]), json.loads(sys.argv[2])
found = {}
for words in each:
    shown = StringIO()
    with redirect_stdout(shown), suppress(SystemExit):
        main([*words.split(), "-h"])
    found[words] = ["Usage:" in shown.getvalue(), [name for name in heavy if name in sys.modules]]
print(json.dumps(found))
"""


def test_no_help_imports_what_takes_long_to_import() -> None:
    each = ["", "compare", "annotate", "weights", "genome", *commands()]
    arguments = [sys.executable, "-c", HELP_OF_EACH, json.dumps(HEAVY), json.dumps(each)]
    printed = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    found = json.loads(printed)
    assert len(found) == len(each) > 40
    assert {words: heavy for words, (_, heavy) in found.items() if heavy} == {}
    assert [words for words, (shown, _) in found.items() if not shown] == []


def test_a_wrong_word_is_answered_without_importing_them() -> None:
    code = (
        "import sys\nfrom contextlib import suppress\nfrom raycre.cli import main\n"
        "for words in ('trian', 'compare marx x', 'annotate motif', 'train --confg x'):\n"
        "    with suppress(SystemExit):\n        main(words.split())\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Did you mean" in done.stderr
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("train --set inputs.fasta=absent.fa", "absent.fa: inputs.fasta: no such file"),
        (
            "train --sweep K=4,8 --set inputs.openness=[absent.bw]",
            "absent.bw: inputs.openness[0]: no such file",
        ),
        ("predict --set model.checkpoint=absent", "model.checkpoint: no training run here"),
        ("predict --set model.checkpoint=of_creme", "is the folder of another verb, not of train"),
        ("creme necessity --create-run absent", "create_run: no run.json here"),
        (
            "creme necessity --set model.backbone=enformer --set model.weights=absent.pt",
            "absent.pt: no such weights",
        ),
        (
            "creme necessity --set model.backbone=enformer --set model.weights=registry:enfromer",
            "did you mean enformer",
        ),
        ("creme necessity --set inputs.gtf=absent.gtf", "absent.gtf: inputs.gtf: no such file"),
    ],
)
def test_a_configuration_of_files_that_are_not_there_is_answered_before_pytorch_and_ray_are_imported(
    words: str, says: str, tmp_path: Path
) -> None:
    (tmp_path / "a.fa").write_text(">chr1\nACGT\n")
    (tmp_path / "of_creme").mkdir()
    (tmp_path / "of_creme" / "run.json").write_text(json.dumps({"verb": "creme"}))
    verb = words.split()[0]
    keys = {"train": "labels: a.fa", "predict": "regions: a.fa", "creme": "genes: [A]"}[verb]
    more = {"train": "", "predict": "model: {checkpoint: .}\n", "creme": "tracks: all\n"}[verb]
    text = f"run: {{name: a, out: o}}\ninputs: {{fasta: a.fa, openness: a.fa, loops: a.fa, {keys}}}\n{more}"
    if verb == "creme":
        text = text.replace("openness: a.fa, loops: a.fa, ", "gtf: a.fa, ") + "model: {backbone: planted}\n"
    (tmp_path / "c.yaml").write_text(text)
    code = (
        "import sys\nfrom raycre.cli import main\n"
        f"try:\n    main([*{words.split()!r}, '--config', 'c.yaml'])\n"
        "except SystemExit as stopped:\n"
        "    print(stopped.code, [name for name in ('torch', 'ray') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert says in done.stderr
    assert done.stdout.strip() == "2 []"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("compare marks absent a.bw", "absent: no run.json here"),
        ("compare marks predicted a.bw", "holds a run of predict, not a run of `raycre creme`"),
        ("compare marks run absent.bw", "absent.bw: no such file"),
        ("compare overlap run there.bed NAME=absent.bed", "absent.bed: no such file"),
        ("compare marks run absent.bw --test necesity", "absent.bw: no such file"),
        ("annotate genes absent.gtf --run run", "absent.gtf: no such file"),
        ("annotate genes there.bed --run absent", "absent: no such folder"),
        ("annotate genes there.bed --regions x=absent.bed", "absent.bed: no such file"),
        ("annotate variants there.bed --common absent.vcf --run run", "absent.vcf: no such file"),
        ("report run absent", "absent: no such folder"),
        ("export absent --bed9", "absent: no such folder"),
        ("plot creme-2a run absent", "absent: no such folder"),
        ("show absent", "absent: no such folder"),
        ("status absent", "absent: no such folder"),
    ],
)
def test_a_run_or_a_file_that_is_not_there_is_answered_before_anything_heavy_is_imported(
    words: str, says: str, tmp_path: Path
) -> None:
    for name, verb in (("run", "creme"), ("predicted", "predict")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(json.dumps({"verb": verb, "finished": True}))
    (tmp_path / "there.bed").write_text("chr1\t0\t10\n")
    heavy = tuple(name for name in HEAVY if name != "pydantic")  # with which typer itself reads arguments
    code = (
        "import sys\nfrom raycre.cli import main\n"
        f"try:\n    main({words.split()!r})\n"
        "except SystemExit as stopped:\n"
        f"    print(stopped.code, [name for name in {heavy!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert says in done.stderr
    assert done.stdout.strip() == "2 []"
