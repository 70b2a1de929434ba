"""The documentation's site: `make docs` builds it, and takes a warning for an error.

Sphinx with the PyData theme and MyST: the pages are the Markdown that stands here, and the API comes from
docstrings. README, CONTRIBUTING, CHANGELOG and the measurements are pages as they are; links to other files
of the repository become downloads.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE)]

from raycre import __version__  # noqa: E402

project = "raycre"
author = "The raycre developers"
version = release = __version__
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]
html_theme = "pydata_sphinx_theme"
html_title = f"raycre {__version__}"
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False, "navbar_center": []}
html_sidebars = {"**": ["globaltoc.html"]}
html_copy_source = False
default_role = "code"  # docstrings have names between single backticks
autodoc_typehints = "none"  # signatures stay short; docstrings say shapes and units
autodoc_member_order = "bysource"
napoleon_use_ivar = True
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
nb_execution_mode = "off"  # outputs are kept in the notebook; a test executes it
copybutton_exclude = ".linenos, .go"

WHOLE = {
    "readme": "README.md",
    "contributing": "CONTRIBUTING.md",
    "changelog": "CHANGELOG.md",
    "results": "benchmarks/RESULTS.md",
    "examples": "examples/README.md",
}
"""Pages that are files elsewhere in the repository."""
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?!https?:|#|mailto:)([^)\s#]+)(#[^)\s]*)?\)")


def _linked(text: str, folder: Path, page: Path) -> str:
    """Return the text of a page with links as the site can follow them.

    Args:
        text: Markdown.
        folder: what its links are relative to.
        page: folder of the page in the site.
    """
    pages = {ROOT / file: HERE / f"{name}.md" for name, file in WHOLE.items()}

    def replaced(match: re.Match[str]) -> str:
        image, words, given, anchor = match.groups()
        target = pages.get((folder / given).resolve(), (folder / given).resolve())
        inside = target.is_relative_to(HERE)
        if not target.is_file() or (target.suffix == ".md" and not inside):
            return words  # a folder of the repository, which the site does not have
        return f"{image}[{words}]({os.path.relpath(target, page)}{anchor or ''})"

    return _LINK.sub(replaced, text)


def _read(app: Any, name: str, source: list[str]) -> None:
    """Give a page its text before it is parsed."""
    page = HERE / f"{name}.md"
    if name in WHOLE:
        file = ROOT / WHOLE[name]
        source[0] = _linked(file.read_text(), file.parent, page.parent)
    elif page.is_file():
        source[0] = _linked(source[0], page.parent, page.parent)
    if name == "errors":
        from catalogue import catalogue

        source[0] += "\n" + catalogue()


def setup(app: Any) -> None:
    """Read pages through `_read`."""
    app.connect("source-read", _read)
