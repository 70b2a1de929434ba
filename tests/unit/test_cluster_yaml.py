"""cluster.yaml is one that Ray accepts."""

from __future__ import annotations

import yaml
from ray.autoscaler._private.util import prepare_config

from tests.conftest import ROOT


def test_ray_accepts_the_cluster_configuration() -> None:
    config = prepare_config(yaml.safe_load((ROOT / "cluster.yaml").read_text()))
    head = config["available_node_types"][config["head_node_type"]]
    assert head["resources"]["CPU"] == 0  # no work on the node that must not die
    workers = config["available_node_types"]["cpu_spot"]
    assert workers["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    assert workers["max_workers"] == config["max_workers"] > 0
