"""The notebook of examples/ runs as it stands, and its kept outputs are those of today."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "examples" / "first_look.ipynb"


def text_of(cell: Any) -> list[str]:
    """What a cell has printed or returned, as text."""
    return [
        "".join(output.get("text", "") or output.get("data", {}).get("text/plain", ""))
        for output in cell.get("outputs", [])
    ]


def test_the_notebook_keeps_its_outputs_without_errors_or_paths_of_a_machine() -> None:
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    returns = [cell for cell in code if "".join(cell["source"]).splitlines()[-1][:1].strip()]
    assert all(cell["outputs"] for cell in returns if "import" not in "".join(cell["source"])[:6])
    assert all(output["output_type"] != "error" for cell in code for output in cell["outputs"])
    assert "/home/" not in NOTEBOOK.read_text()


@pytest.mark.long
def test_the_notebook_runs_and_its_own_model_and_test_answer_as_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("nbclient", reason="the extra `test` brings nbclient, which executes notebooks")
    pytest.importorskip("ipykernel", reason="the extra `test` brings ipykernel, a kernel to execute in")
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    kept = nbformat.read(NOTEBOOK, as_version=4)
    executed = nbformat.read(NOTEBOOK, as_version=4)
    place = {"metadata": {"path": str(tmp_path)}}  # where there is no demo-run
    NotebookClient(executed, timeout=300, kernel_name="python3", resources=place).execute()
    own = [
        number
        for number, cell in enumerate(kept.cells)
        if "class Gata" in cell.source or "def necessity" in cell.source
    ]
    assert len(own) == 2
    for number in own:
        assert text_of(executed.cells[number]) == text_of(kept.cells[number])
    assert "256: 0.5" in text_of(executed.cells[own[1]])[0]
