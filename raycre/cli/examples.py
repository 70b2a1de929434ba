"""An example for the help of each command, by the words that call it; and the group that shows them."""

from __future__ import annotations

import re
from typing import Any

from typer.core import TyperGroup

OF_GROUP = {"annotate": ("--run", "runs/candidates")}  # what commands of a verb are about

EXAMPLES = {
    "init": "raycre init train --fill genome.fa --fill labels.bed --fill dnase.bw -o train.yaml",
    "train": "raycre train --config train.yaml --set run.out=runs/k562 --dry-run",
    "predict": "raycre predict --config predict.yaml --set model.checkpoint=runs/k562",
    "prepare": "raycre prepare --config sources.yaml --dry-run",
    "genome list": "raycre genome list",
    "genome fetch": "raycre genome fetch hg38",
    "creme": 'raycre creme necessity --config creme.yaml --set "inputs.genes=[GATA1, MYC]"',
    "show": "raycre show runs/k562",
    "status": "raycre status runs/k562 --timeline timeline.html",
    "report": "raycre report runs/k562 runs/candidates -o report.html",
    "plot": "raycre plot creme-2a runs/creme -o figure2a.pdf",
    "export": "raycre export runs/candidates --bed9 --bigwig -o tracks",
    "compact": "raycre compact s3://my-bucket/runs/candidates --dry-run",
    "demo": "raycre demo -o demo-run",
    "doctor": "raycre doctor --config predict.yaml",
    "tracks": "raycre tracks assay=CAGE biosample=K562",
    "weights list": "raycre weights list",
    "weights fetch": "raycre weights fetch enformer enformer-tracks-human",
    "weights verify": "raycre weights verify enformer",
    "compare marks": "raycre compare marks runs/creme h3k27ac.bw h3k4me3.bw",
    "compare overlap": "raycre compare overlap runs/creme ccres.bed",
    "compare repeats": "raycre compare repeats runs/creme rmsk.txt.gz",
    "compare crispri": "raycre compare crispri runs/creme pairs.tsv",
    "compare fasta": "raycre compare fasta runs/creme -o motifs",
    "compare saliency": "raycre compare saliency runs/creme",
    "compare pruning": "raycre compare pruning runs/creme --groups enhancer --hits fimo.bed --gpu",
    "compare profiles": "raycre compare profiles runs/creme --genes GATA1,MYC",
}


class ExampleGroup(TyperGroup):
    """Commands whose help ends with their example."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, with its example."""
        command = super().get_command(ctx, cmd_name)
        words = " ".join([*_words(ctx), cmd_name])
        if command is not None and not hasattr(command, "commands"):
            command.epilog = f"Example: {EXAMPLES.get(words) or _example(words, command)}"
        return command

    def get_help_option(self, ctx: Any) -> Any:
        """Return --help; False where it is not given, which typer takes without importing pydantic."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.default = False
        return option


class Program(ExampleGroup):
    """The program itself.

    Its options of shell completion are there only where no verb is named: typer imports pydantic to find that
    they were not given, which takes longer than a help.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the words of the command line."""
        if args and not args[0].startswith("-"):
            self.params = [each for each in self.params if not str(each.name).endswith("_completion")]
        return super().parse_args(ctx, args)


def _example(words: str, command: Any) -> str:
    """An example of a command that is made from a declaration: its files, and what it is about."""
    files = [str(each.metavar) for each in command.params if each.param_type_name == "argument"]
    about = OF_GROUP.get(words.partition(" ")[0], ())
    named = [re.sub(r"\[.*?\]|\.\.\.", "", name).strip() for name in files]
    return " ".join(["raycre", words, *named, *about])


def _words(ctx: Any) -> list[str]:
    """The words that have led to a context, without the program's own."""
    words: list[str] = []
    while ctx is not None and ctx.parent is not None:
        words.insert(0, str(ctx.info_name))
        ctx = ctx.parent
    return words
