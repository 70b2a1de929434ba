"""Which network to build: kind, size and modalities, and what of CREATE's own parts is other than usual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from raycre.create.layout import CLASSES, MODALITIES
from raycre.create.model.create import Create
from raycre.create.model.declaration import make
from raycre.create.model.network import Network
from raycre.create.model.sizes import SIZES, Codebook, Structure


@dataclass(frozen=True)
class NetworkSpec:
    """A network before it has weights.

    Attributes:
        kind: name of its declaration.
        size: "paper", "small" or "tiny".
        modalities: what it reads, in the order of the input's rows.
        classes: those that it is trained on, in the order of `CLASSES`.
        structure, codebook: of CREATE's own; no other kind looks at them.
    """

    kind: str = Create.kind
    size: str = "paper"
    modalities: Sequence[str] = MODALITIES
    classes: tuple[str, ...] = CLASSES
    structure: Structure = field(default_factory=Structure)
    codebook: Codebook = field(default_factory=Codebook)

    def build(self) -> Network:
        """Return the network, with random weights from torch's generator.

        Raises:
            ConfigError: sizes that do not go together.
        """
        if self.kind != Create.kind:
            return make(self.kind, self.size, self.modalities, self.classes)
        sizes = replace(self.codebook.put_into(SIZES[self.size]), classes=len(self.classes))
        network = Create(sizes, self.modalities, self.structure)
        network.classes = self.classes
        return network
