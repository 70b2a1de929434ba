"""What every verb does round its own work: check the folder, hash the inputs, open the run or preview it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from raycre.engine.capacity import check_room
from raycre.engine.cluster import check_cluster, connected
from raycre.engine.resources import Share
from raycre.genome.fingerprint import Fingerprint, check_unchanged
from raycre.store.run import Run, is_finished, open_run
from raycre.workflows.fresh import Fresh, preview_removal, removal
from raycre.workflows.inputs import check_out, fingerprint_inputs, sha256_by_key
from raycre.workflows.readings import listen, show_readings


class Start:
    """A run from its beginning, before anything is written, to the end of its block.

    Args:
        verb: train, sweep, predict or creme.
        out: the run folder.
        fresh: whether an earlier run in it is removed.
        dry_run: whether the run only says its cost.

    Attributes:
        started: processor time at which the verb began.
        inputs: fingerprints of the files that `hash_inputs` has seen, by key.
        readings: what the readers took each input for; grows as files are read.

    Raises:
        ConfigError: `out` cannot be a run folder, or no Ray can be used.
        RaycreError: as `check_cluster`.
    """

    def __init__(self, verb: str, out: Path, *, fresh: Fresh, dry_run: bool) -> None:
        self.started = time.process_time()
        check_out(out)
        self.verb, self.out, self.fresh, self.dry_run = verb, out, fresh, dry_run
        self.readings = listen()
        self.inputs: dict[str, Fingerprint] = {}
        self._stack = ExitStack()
        if not dry_run:
            check_cluster()

    def __enter__(self) -> Start:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def hash_inputs(self, paths: Mapping[str, Path]) -> dict[str, Fingerprint]:
        """Hash input files by their key in the configuration; see `fingerprint_inputs`."""
        found = fingerprint_inputs(paths)
        self.inputs |= found
        return found

    @property
    def hashes(self) -> dict[str, str]:
        """SHA-256 of the inputs, by key."""
        return sha256_by_key(self.inputs)

    def check_inputs(self) -> None:
        """Raise ChangedInputError where an input was written since it was hashed; by now all are read."""
        check_unchanged(self.inputs.values())

    def connect(self, share: Share, what: str = "replica") -> None:
        """Use Ray from here to the end of the block, and see that the work fits, before anything is written.

        Raises:
            RaycreError: as `connected`; no replica can ever fit.
        """
        self._stack.enter_context(connected())
        check_room(share, what)

    def finished(self, config: Mapping[str, object]) -> bool:
        """Whether the folder holds a finished run of this very configuration, and stays."""
        return not self.fresh and is_finished(self.out, config)

    def preview(self) -> None:
        """Say what a dry run has to say: what the inputs were taken for, and what `fresh` would remove."""
        show_readings()
        preview_removal(self.out, self.verb, self.fresh)

    def open(
        self,
        *,
        name: str,
        config: Mapping[str, object],
        science: Mapping[str, object],
        layout: Mapping[str, object],
        inputs: Mapping[str, str] | None = None,
        facts: Mapping[str, Any],
    ) -> Run:
        """Open the run folder, note `facts` in it, and show what the inputs were taken for.

        The other arguments and the errors are those of `open_run`.
        """
        run = open_run(
            self.out,
            verb=self.verb,
            name=name,
            config=config,
            science=science,
            layout=layout,
            inputs=inputs,
            remove=removal(self.fresh),
        )
        run.note(**facts)
        run.note(inputs_read=self.readings)
        show_readings()
        return run
