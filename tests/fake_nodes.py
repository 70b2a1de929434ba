"""Nodes that Ray's fake provider starts on this machine, for the autoscaler of `tests/autoscaling.py`."""

from __future__ import annotations

from functools import partial
from unittest.mock import patch

from ray._private import parameter
from ray.autoscaler._private.fake_multi_node.node_provider import FakeMultiNodeProvider


class Nodes(FakeMultiNodeProvider):
    """The fake provider, whose nodes may also have `memory`: it would take that for a custom resource."""

    def _create_node_with_resources_and_labels(self, node_config, tags, count, resources, labels):  # type: ignore[no-untyped-def]
        memory = resources.get("memory")
        if memory is None:
            return super()._create_node_with_resources_and_labels(node_config, tags, count, resources, labels)
        rest = {name: n for name, n in resources.items() if name != "memory"}
        with patch.object(parameter, "RayParams", partial(parameter.RayParams, memory=int(memory))):
            return super()._create_node_with_resources_and_labels(node_config, tags, count, rest, labels)
