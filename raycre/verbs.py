"""What raycre does, a row a verb: its name, what does it, and the kind of its configuration.

`import raycre` gives a function for each row. Rows are texts: nothing is imported before it is called.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple


class VerbEntry(NamedTuple):
    """A verb.

    Attributes:
        name: on the command line, and of the function in Python.
        run: what does it, "module:function". With `config`: `run(config, *, fresh, dry_run)`, which gives the
            run's record. Without: the function of Python itself.
        summary: one sentence.
        config: name of its configuration in `raycre.config`; "" where it has none.
    """

    name: str
    run: str
    summary: str
    config: str = ""


VERBS: dict[str, VerbEntry] = {
    verb.name: verb
    for verb in (
        VerbEntry("train", "raycre.workflows.train.run:run_train",
             "Train CREATE, a variant of it or a baseline in k folds.", "TrainConfig"),
        VerbEntry("predict", "raycre.workflows.predict.run:run_predict",
             "Classify candidate regions with a trained CREATE.", "PredictConfig"),
        VerbEntry("creme", "raycre.workflows.perturb.run:run_creme",
             "Perturb genes with CREME.", "PerturbConfig"),
        VerbEntry("prepare", "raycre.workflows.prepare.run:run_prepare",
             "Make labels and candidates of peaks and databases.", "PrepareConfig"),
        VerbEntry("compare", "raycre.api.calls:compare", "Set a finished CREME run against other data."),
        VerbEntry("annotate", "raycre.api.calls:annotate", "Say what regions are, and if groups differ."),
        VerbEntry("report", "raycre.api.calls:report", "Write one HTML page about runs."),
        VerbEntry("plot", "raycre.api.calls:plot", "Draw a figure of the papers from runs, for print."),
        VerbEntry("export", "raycre.api.calls:export", "Write a run for genome browsers, or as text."),
        VerbEntry("compact", "raycre.api.calls:compact", "Merge the small files of a finished run."),
        VerbEntry("demo", "raycre.api.calls:demo", "Run the whole chain on a synthetic genome."),
        VerbEntry("tracks", "raycre.api.calls:tracks", "Find tracks of a backbone."),
        VerbEntry("fetch", "raycre.api.calls:fetch", "Bring published weights into the cache."),
    )
}  # fmt: skip


def find(name: str) -> Any:
    """Import what a text "module:function" names."""
    module, _, function = name.partition(":")
    return getattr(import_module(module), function)
