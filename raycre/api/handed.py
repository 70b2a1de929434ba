"""Objects of Python where a configuration has a name: a backbone or a perturbation test of one's own."""

from __future__ import annotations

import sys
from typing import Any

from raycre.errors import ConfigError


def hand_over(value: Any) -> str | None:
    """Return the name by which a run finds an object; None for what is no such object.

    Raises:
        ConfigError: a name that cannot be one or that raycre has; a class, a module of torch or a model of
            regions, each with what to give in its place.
    """
    contract = sys.modules.get("raycre.backbones.contract")  # whoever has a backbone has imported it
    tests = sys.modules.get("raycre.creme.declaration")
    regions = sys.modules.get("raycre.create.model.declaration")
    torch = sys.modules.get("torch")
    if contract is not None and isinstance(value, contract.Backbone):
        from raycre.backbones.handed import hand_over as take_backbone

        return take_backbone(value)
    if tests is not None and isinstance(value, tests.Test):
        from raycre.creme.tests import hand_over as take_test

        return take_test(value)
    if contract is not None and isinstance(value, type) and issubclass(value, contract.Backbone):
        raise ConfigError("is a class; give a model, made of it", value=value.__name__)
    if torch is not None and isinstance(value, torch.nn.Module):
        raise ConfigError(
            "is a module of torch that raycre cannot ask for its sizes and tracks; put it into a Backbone "
            'of ten lines (docs/python.md, "A model of your own")',
            value=type(value).__name__,
        )
    if regions is not None and isinstance(value, regions.RegionModel):
        raise ConfigError(
            "a model of regions is found by its name alone: register it as an entry point of the group "
            "raycre.models and give the name (docs/howto/own.md)",
            value=value.name,
        )
    return None
