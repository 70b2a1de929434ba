"""The five classes of a region, by name and in order, the one place where they are spelled.

Imports nothing, so that schemas and models may have the names without the readers. Knows no files.
"""

from __future__ import annotations

CLASSES = ("silencer", "enhancer", "promoter", "insulator", "background")  # CREATE's order; label = position
