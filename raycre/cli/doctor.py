"""`raycre doctor`."""

from __future__ import annotations

from raycre.cli.options import Json
from raycre.cli.printing import print_result


def doctor(json_: Json = False) -> None:
    """Say what is installed and which devices and cluster a run would use."""
    from raycre.workflows.doctor import examine

    print_result(examine(), json_)
