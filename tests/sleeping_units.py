"""Units that only sleep, on replicas of which one may be slow: what an engine does with the slow one is all
there is.

    python -m tests.sleeping_units pool|stream FOLDER REPLICAS UNITS SECONDS SLOW

SLOW is how many times as long the first replica sleeps. Printed are the seconds from the moment that all
replicas are there to the last outcome, and how many outcomes each replica has given.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raycre.engine.pool import Pool
from raycre.engine.resources import Share
from raycre.engine.stream import stream

MEET_WITHIN = 300.0  # seconds for all replicas to start


@dataclass(frozen=True)
class Sleep:
    """What replicas know: where they meet, how many they are, how long a unit is, how slow the first is."""

    folder: Path
    replicas: int
    seconds: float
    slow: float


class Sleeper:
    """A replica. The first one of a folder is the slow one; all wait for each other before they begin."""

    def __init__(self, spec: Sleep, fetch: Callable[[], object] | None = None) -> None:
        self.name = uuid.uuid4().hex
        try:
            (spec.folder / "slow").touch(exist_ok=False)
            self.seconds = spec.seconds * spec.slow
            self.name = "slow"
        except FileExistsError:
            self.seconds = spec.seconds
        (spec.folder / f"there-{self.name}").touch()
        deadline = time.monotonic() + MEET_WITHIN
        while len(list(spec.folder.glob("there-*"))) < spec.replicas and time.monotonic() < deadline:
            time.sleep(0.05)
        self._start = spec.folder / "start"

    def _sleep(self) -> None:
        if not self._start.exists():
            self._start.write_text(repr(time.time()))
        time.sleep(self.seconds)

    def work(self, unit: int, common: None) -> tuple[int, str]:
        """Do a unit of the pool's."""
        self._sleep()
        return unit, self.name

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Do a row of the stream's."""
        self._sleep()
        return {"unit": row["unit"], "by": self.name}


def read(row: dict[str, Any]) -> dict[str, Any]:
    """Read nothing."""
    return row


def main(engine: str, folder: str, replicas: int, units: int, seconds: float, slow: float) -> None:
    """Do all units, and print what came of it."""
    spec, share = Sleep(Path(folder), replicas, seconds, slow), Share(replicas, least=replicas)
    if engine == "pool":
        with Pool(Sleeper, spec, share) as pool:
            found = [by for _, by in pool.run(range(units), None)]
            ended = time.time()
    else:
        rows = [{"unit": i} for i in range(units)]
        found = [row["by"] for row in stream(rows, read, Sleeper, (spec,), share)]
        ended = time.time()
    took = ended - float((spec.folder / "start").read_text())
    by = Counter(found)
    print(json.dumps({"seconds": took, "slow": by.pop("slow", 0), "others": sorted(by.values())}))


if __name__ == "__main__":
    given = sys.argv[1:]
    main(given[0], given[1], int(given[2]), int(given[3]), float(given[4]), float(given[5]))
