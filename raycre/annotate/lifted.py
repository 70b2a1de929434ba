"""The chain of an annotation: from its files to the regions, or of signals from the regions to the files."""

from __future__ import annotations

from pathlib import Path

from raycre.annotate.declaration import Annotatable
from raycre.genome.lifting import Lifting


def lifting_to(regions: Annotatable, chain: Path | None) -> Lifting:
    """Return what puts places of files on the regions' assembly.

    Raises:
        AssemblyError: the chain leads elsewhere, as far as the regions' genome is known.
    """
    lifting = Lifting(chain)
    if chain is not None:
        lifting.check(target=regions.sizes)
    return lifting


def lifting_from(regions: Annotatable, chain: Path | None) -> Lifting:
    """Return what puts the regions on the assembly of signals.

    Raises:
        AssemblyError: the chain comes from elsewhere, as far as the regions' genome is known.
    """
    lifting = Lifting(chain)
    if chain is not None:
        lifting.check(source=regions.sizes)
    return lifting
