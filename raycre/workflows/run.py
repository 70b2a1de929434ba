"""What every verb does round its own work: check the folder, hash the inputs, open the run or preview it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

from raycre.config.there import check_files
from raycre.engine.capacity import check_room, settled
from raycre.engine.cluster import check_cluster, connected
from raycre.engine.head import find_head
from raycre.engine.interrupt import Interrupt
from raycre.engine.resources import Share
from raycre.engine.tasks import as_task, own_cpus
from raycre.errors import LeaseLostError
from raycre.genome.fingerprint import Fingerprint, check_unchanged
from raycre.log import log_about
from raycre.store.journal import Journal
from raycre.store.lease import Lease, find_over
from raycre.store.run import Growth, Run, check_folder, is_finished, open_run
from raycre.workflows.fresh import Fresh, preview_removal, removal
from raycre.workflows.inputs import check_out, fingerprint_inputs, sha256_by_key
from raycre.workflows.readings import listen, show_readings
from raycre.workflows.shared import SharedPaths, check_shared

LARGE = 2**30  # bytes of inputs that are worth a task of their own


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
        leases: of the folders that the run owns, from `open` on.

    Raises:
        ConfigError: `out` cannot be a run folder, or no Ray can be used.
        RunHeldError: another driver is at work in `out`.
        RaycreError: as `check_cluster`.
    """

    def __init__(self, verb: str, out: Path, *, fresh: Fresh, dry_run: bool) -> None:
        self.started = time.process_time()
        check_out(out)
        self.verb, self.out, self.fresh, self.dry_run = verb, out, fresh, dry_run
        log_about(run=str(out), verb=verb)
        self.readings = listen()
        self.inputs: dict[str, Fingerprint] = {}
        self._stack, self._interrupt, self._connected = ExitStack(), Interrupt(), False
        self.leases: dict[Path, Lease] = {}
        if not dry_run:
            find_over(out)  # before hours of hashing; it is claimed when the run is opened
            check_cluster()

    def __enter__(self) -> Start:
        self._stack.enter_context(self._owning())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @contextmanager
    def _owning(self) -> Iterator[None]:
        """Give the leases back at the very end; a lost one is why the block ended."""
        with self._interrupt:
            try:
                yield
            except LeaseLostError:
                raise
            except (Exception, KeyboardInterrupt) as error:
                for lease in self.leases.values():
                    if lease.lost:
                        raise LeaseLostError(lease.message) from error
                raise
            finally:
                for lease in self.leases.values():
                    lease.release()

    def leaves_work_to_nodes(self) -> bool:
        """Whether nodes of a cluster are to do what the driver's, which has no processors, should not do.

        Ray is used from here on then.
        """
        if self.dry_run or find_head() is None:
            return False
        self._connect()
        return not own_cpus()

    def _connect(self) -> None:
        """Use Ray from here to the end of the block."""
        if not self._connected:
            # stdout is the result's alone; Ray's driver prints there what it hears of lost processes.
            self._stack.enter_context(redirect_stdout(sys.stderr))
            self._stack.enter_context(connected())
            self._connected = True

    def scratch(self) -> Path:
        """Return a new folder outside of all runs, which is gone at the end of the block."""
        return Path(self._stack.enter_context(TemporaryDirectory(prefix="raycre-")))

    def own(self, out: Path) -> Lease:
        """Claim a run folder to the end of the block; the run ends where another driver takes it over.

        Raises:
            RunHeldError: another driver is at work there.
        """
        command = f"raycre {'train --sweep' if self.verb == 'sweep' else self.verb}"
        lease = self.leases[out] = Lease(out, command, self._interrupt.end, tidy=out != self.out)
        lease.claim()
        return lease

    def hash_inputs(self, paths: Mapping[str, Path]) -> dict[str, Fingerprint]:
        """Hash input files by their key in the configuration; see `fingerprint_inputs`.

        Large ones are read by a node of the cluster that has processors, where the driver's has none.
        """
        check_files(paths)
        large = sum(path.stat().st_size for path in paths.values()) >= LARGE
        if large and self.leaves_work_to_nodes():
            found = as_task(fingerprint_inputs, {key: path.absolute() for key, path in paths.items()})
        else:
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
        inner: Iterable[Path] = (),
        share: Share | None = None,
        what: str = "replica",
        growth: Growth | None = None,
    ) -> Run:
        """Own and open the run folder, note `facts` in it, and show what the inputs were taken for.

        Args:
            inner: folders of runs that are worked on together, and owned first.
            share: of `what` does the work: Ray is used from here to the end of the block. None where there
                is nothing to do.

        The other arguments and the errors are those of `open_run`.

        Raises:
            RaycreError: Ray does not start, or not even one of `what` can ever fit; nothing was written.
            RunHeldError: another driver is at work in one of the folders; nothing was written.
            UnsharedPathError: a node of the cluster does not see the folder, or an input, as it is here.
        """
        fields: dict[str, Any] = {"verb": self.verb, "config": config, "science": science, "layout": layout}
        fields["growth"] = growth
        check_folder(self.out, **fields, fresh=bool(self.fresh))
        if share is not None:
            self._connect()
            check_room(settled(share, what), what)
        for folder in inner:
            self.own(folder)
        lease = self.own(self.out)
        check_shared(SharedPaths(self.out.resolve(), lease.epoch, self.inputs))
        run = open_run(
            self.out,
            **fields,
            name=name,
            inputs=inputs,
            remove=removal(self.fresh),
            lease=lease,
        )
        self._stack.enter_context(Journal(self.out, lease.epoch).kept())
        run.note(**facts)
        run.note(inputs_read=self.readings)
        show_readings()
        return run
