"""The whole journey as a notebook, in a kernel of its own, against the sandbox."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from PIL import Image

from zoocut.demo.field import simulate_field
from zoocut.sandbox import Running

DOCS = Path(__file__).resolve().parents[2] / "docs"


def blocks(page: str, kind: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def execute(cells: list[str], folder: Path) -> list[list[dict[str, Any]]]:
    """Run cells in a kernel and give their outputs."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(folder)}}).execute()
    return [cell["outputs"] for cell in notebook.cells]


def shown(outputs: list[dict[str, Any]]) -> dict[str, str]:
    """Give what a cell's value is shown as, by MIME type."""
    (result,) = (one for one in outputs if one["output_type"] == "execute_result")
    return dict(result["data"])


@pytest.mark.filterwarnings("ignore")  # of the kernel's own libraries
def test_the_notebook_of_the_tutorial(server: Running, account: str, tmp_path: Path) -> None:
    """Its cells, with the configuration and the data that the page names."""
    cells = blocks("tutorial-notebook.md", "python")
    assert sum(bool(line) for cell in cells for line in cell.splitlines()) <= 15
    simulate_field(tmp_path / "field", 1)
    (configuration,) = blocks("tutorial-frames.md", "toml")
    (tmp_path / "zoocut.toml").write_text(configuration)
    outputs = execute(cells, tmp_path)
    run, picture, plan, done, stands, audit, table, sets = map(shown, outputs)
    drawn, kept = (
        np.asarray(Image.open(file).convert("RGB"))
        for file in (io.BytesIO(base64.b64decode(picture["image/png"])), DOCS / "pictures" / "notebook.png")
    )
    assert np.array_equal(drawn, kept), "the page shows another picture than its cell draws"
    assert "<td>60</td>" in run["text/html"]
    assert "Notebook" in plan["text/html"]
    assert "<th>linked</th>" in done["text/html"]
    assert "<td>True</td>" in stands["text/html"]
    assert ": 0 differences" in audit["text/html"]
    assert table["text/html"].count("<tr>") >= 12
    assert "Notebook" in sets["text/html"]
    texts = "".join(str(one) for cell in outputs for one in cell if one["output_type"] == "stream")
    assert "Error" not in texts
    assert "Warning" not in texts


@pytest.mark.filterwarnings("ignore")
def test_what_would_be_asked_ends_the_cell(server: Running, account: str, field: Path) -> None:
    with pytest.raises(CellExecutionError, match="say where to"):
        execute(["import zoocut", "zoocut.upload(zoocut.generate('zoocut.toml', 'new-run'))"], field)
