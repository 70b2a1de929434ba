"""The keys of `model` of `raycre creme`: a backbone, its weights, and how it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import create_model, field_validator

from raycre.backbones.registry import own_settings
from raycre.backbones.spec import BackboneSpec
from raycre.config.from_dataclass import as_dataclass, keys
from raycre.config.models import Frozen
from raycre.errors import ConfigError
from raycre.store.location import location

_OWN = {key: (Literal[values] | None, None) for key, values in own_settings().items()}

if TYPE_CHECKING:
    _OwnSettings = Frozen
else:
    _OwnSettings = create_model("_OwnSettings", __base__=Frozen, **_OWN)


@keys(first=("backbone", "weights", "head", "track_table", *_OWN), without=("settings",))
class BackboneConfig(_OwnSettings, BackboneSpec):
    """A registered backbone and its weights: a path, registry:NAME of `raycre weights list`, or random:SEED.

    A list of weights is an ensemble, whose predictions are averaged. Random weights are not a trained model,
    and every output says so. `gamma` is how Enformer's weights were trained: with TensorFlow's gamma features
    (the published ones, and the default) or the plain formula. Borzoi sums the strands unless told otherwise.
    """

    @field_validator("weights", mode="after")
    @classmethod
    def _paths(cls, weights: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        """Paths among them with `~` and variables filled in."""
        try:
            if weights is None or isinstance(weights, str):
                return None if weights is None else str(location(weights))
            return tuple(str(location(one)) for one in weights)
        except ConfigError as error:
            raise ValueError(error.message) from None

    def own_settings(self) -> dict[str, Any]:
        """Settings that only some backbones have, where given."""
        given = {key: getattr(self, key) for key in _OWN}
        return {key: value for key, value in given.items() if value is not None}

    def spec(self) -> BackboneSpec:
        """The backbone as it is loaded."""
        return as_dataclass(BackboneSpec, self, settings=self.own_settings())
