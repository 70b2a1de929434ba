"""Help comes at once: it imports nothing of what its verb is about."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.unit.test_cli_manners import commands

HEAVY = ("numpy", "scipy", "pandas", "pyarrow", "sklearn", "matplotlib", "pydantic", "torch", "ray")

HELP_OF_EACH = """
import json, sys
from contextlib import redirect_stdout, suppress
from io import StringIO
from raycre.cli import main

heavy, each = json.loads(sys.argv[1]), json.loads(sys.argv[2])
found = {}
for words in each:
    shown = StringIO()
    with redirect_stdout(shown), suppress(SystemExit):
        main([*words.split(), "-h"])
    found[words] = ["Usage:" in shown.getvalue(), [name for name in heavy if name in sys.modules]]
print(json.dumps(found))
"""


def test_no_help_imports_what_takes_long_to_import() -> None:
    each = ["", "compare", "annotate", "weights", "genome", *commands()]
    arguments = [sys.executable, "-c", HELP_OF_EACH, json.dumps(HEAVY), json.dumps(each)]
    printed = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    found = json.loads(printed)
    assert len(found) == len(each) > 40
    assert {words: heavy for words, (_, heavy) in found.items() if heavy} == {}
    assert [words for words, (shown, _) in found.items() if not shown] == []


def test_a_wrong_word_is_answered_without_importing_them() -> None:
    code = (
        "import sys\nfrom contextlib import suppress\nfrom raycre.cli import main\n"
        "for words in ('trian', 'compare marx x', 'annotate motif', 'train --confg x'):\n"
        "    with suppress(SystemExit):\n        main(words.split())\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Did you mean" in done.stderr
    assert done.stdout.strip() == "[]"
