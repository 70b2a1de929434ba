"""Backbones by name: those that come with raycre, a row each, and those of installed packages.

A package of a user's own adds one by an entry point of the group `raycre.backbones` that names its loader or
its `Declaration`. Nothing is loaded before it is asked for.
"""

from __future__ import annotations

from raycre.backbones.borzoi import STRANDS
from raycre.backbones.declaration import Declaration
from raycre.backbones.enformer import GAMMAS
from raycre.errors import ConfigError, near
from raycre.packages import Installed, load_installed

_BORZOI_OUTPUT = "6,144 bins of 32 bp; 7,611 human, 2,608 mouse tracks"

BACKBONES: dict[str, Declaration] = {
    backbone.name: backbone
    for backbone in (
        Declaration(
            "enformer",
            "raycre.backbones.enformer.load:load_enformer",
            settings={"gamma": tuple(GAMMAS)},
            tables="enformer",
            packed=0.6,
            working=0.35,
            reads="196,608 bp",
            output="896 bins of 128 bp; 5,313 human, 1,643 mouse tracks",
            published="enformer-pytorch's, EleutherAI/enformer-official-rough",
        ),
        Declaration(
            "borzoi",
            "raycre.backbones.borzoi.load:load_borzoi",
            settings={"strands": STRANDS},
            tables="borzoi",
            packed=0.6,
            working=1.25,
            preset="borzoi",
            reads="524,288 bp",
            output=_BORZOI_OUTPUT,
            published="borzoi-pytorch's, johahi/borzoi-replicate-N",
        ),
        Declaration(
            "flashzoi",
            "raycre.backbones.borzoi.load:load_flashzoi",
            settings={"strands": STRANDS},
            tables="borzoi",  # it is trained on Borzoi's targets
            packed=0.6,
            working=1.25,
            preset="borzoi",
            reads="as Borzoi",
            output="as Borzoi",
            published="borzoi-pytorch's, johahi/flashzoi-replicate-N",
        ),
        Declaration(
            "planted",
            "raycre.backbones.planted:load_registered",
            reads="65,536 bp",
            output="a model whose answers can be worked out by hand",
            published="none",
        ),
    )
}

INSTALLED = Installed("raycre.backbones", "a backbone")


def backbone_names() -> list[str]:
    """Return every backbone's name, in order; none is loaded."""
    return sorted({*BACKBONES, *INSTALLED.points()})


def own_settings() -> dict[str, tuple[str, ...]]:
    """Return the settings that only some backbones of raycre have, with the values that they take."""
    return {key: values for backbone in BACKBONES.values() for key, values in backbone.settings.items()}


def find_backbone(name: str) -> Declaration:
    """Return the declaration of a backbone.

    Raises:
        ConfigError: no such backbone, or one of a package that cannot be imported or has a taken name.
    """
    point = INSTALLED.find(name, BACKBONES)
    if point is None and name not in BACKBONES:
        every = backbone_names()
        raise ConfigError(f"no such backbone{near(name, every)}; there are {', '.join(every)}", value=name)
    if point is None:
        return BACKBONES[name]
    found = load_installed(point, lambda found: isinstance(found, Declaration) or callable(found), "loader")
    return found if isinstance(found, Declaration) else Declaration(name, found)


def table_of_backbones() -> str:
    """Return the backbones as the table of docs/backbones.md."""
    lines = [
        "| `model.backbone` | reads | output | weights that load as they are |",
        "|---|---|---|---|",
    ]
    lines += [f"| `{b.name}` | {b.reads} | {b.output} | {b.published} |" for b in BACKBONES.values()]
    return "\n".join(lines)
