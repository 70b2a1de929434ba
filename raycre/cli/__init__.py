"""The command line."""

from raycre.cli.app import app, main

__all__ = ["app", "main"]
