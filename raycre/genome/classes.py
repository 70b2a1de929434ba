"""The five classes of a region, by name and in order, the one place where they are spelled.

Schemas and models have the names from here, without the readers.
"""

from __future__ import annotations

from collections.abc import Sequence

from raycre.errors import near

CLASSES = ("silencer", "enhancer", "promoter", "insulator", "background")  # CREATE's order; label = position


def trained_classes(chosen: Sequence[str]) -> tuple[str, ...]:
    """Return chosen classes in the order of `CLASSES`; the last output of a network follows it.

    Raises:
        ValueError: a name that is no class, one that comes twice, or a choice that has no background, or
            nothing but it.
    """
    for name in chosen:
        if name not in CLASSES:
            known = ", ".join(CLASSES)
            raise ValueError(f"{name!r} is not a class{near(name, CLASSES)}; the classes are {known}")
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"each class once; {', '.join(chosen)} names one twice")
    if "background" not in chosen or len(chosen) < 2:
        raise ValueError(f"training needs background and one class more; got {', '.join(chosen) or 'none'}")
    return tuple(name for name in CLASSES if name in chosen)
