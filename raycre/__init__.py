"""raycre: CREATE and CREME on Ray, genome-scale and restartable."""

__version__ = "0.2.0"
