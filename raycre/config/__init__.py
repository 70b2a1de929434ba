"""Configurations: YAML in, one frozen object per verb out. The only place that knows pydantic."""

from raycre.config.backbone import BackboneConfig
from raycre.config.perturb import PerturbConfig
from raycre.config.predict import PredictConfig, PredictInputs
from raycre.config.prepare import PrepareConfig
from raycre.config.reading import make_config, read_config
from raycre.config.train import TrainConfig, TrainInputs

__all__ = [
    "BackboneConfig",
    "PerturbConfig",
    "PredictConfig",
    "PredictInputs",
    "PrepareConfig",
    "TrainConfig",
    "TrainInputs",
    "make_config",
    "read_config",
]
