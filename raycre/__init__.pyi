from typing import Any

from raycre.api.calls import annotate as annotate
from raycre.api.calls import compact as compact
from raycre.api.calls import compare as compare
from raycre.api.calls import demo as demo
from raycre.api.calls import export as export
from raycre.api.calls import fetch as fetch
from raycre.api.calls import plot as plot
from raycre.api.calls import report as report
from raycre.api.calls import tracks as tracks
from raycre.api.models import borzoi as borzoi
from raycre.api.models import enformer as enformer
from raycre.api.models import flashzoi as flashzoi
from raycre.api.models import model as model
from raycre.api.models import planted as planted
from raycre.api.runs import open_run as open_run
from raycre.engine.cluster import connected as connected

__version__: str

def train(config: Any = None, /, *, fresh: bool = False, dry_run: bool = False, **keys: Any) -> Any: ...
def predict(config: Any = None, /, *, fresh: bool = False, dry_run: bool = False, **keys: Any) -> Any: ...
def prepare(config: Any = None, /, *, fresh: bool = False, dry_run: bool = False, **keys: Any) -> Any: ...
def creme(
    config: Any = None, /, *more: Any, fresh: bool = False, dry_run: bool = False, **keys: Any
) -> Any: ...
