"""The whole journey as a notebook, in a kernel of its own, against the sandbox."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from zoocut.sandbox import Running

CELLS = [
    "import zoocut\nfrom astropy.io import fits",
    "run = zoocut.generate('zoocut.toml', 'night-run')\nrun",
    "frames = [fits.getdata(f'field/2026112300101_94_{name}.fits') for name in ('template', 'science', 'difference')]\n"
    "zoocut.draw(*frames, center=(200, 150))",
    "where = {'project': 'owner/rehearsal', 'subject_set': 'Notebook'}\nzoocut.plan_upload(run, **where)",
    "zoocut.upload(run, **where)",
    "zoocut.status(run)",
    "zoocut.verify(run, check='all')",
    "zoocut.export(run).to_pandas()",
    "zoocut.sets('owner/rehearsal')",
]
"""As an astronomer would type them."""


def execute(cells: list[str], folder: Path) -> list[list[dict[str, Any]]]:
    """Run cells in a kernel and give their outputs."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    return [cell["outputs"] for cell in notebook.cells]


def shown(outputs: list[dict[str, Any]]) -> dict[str, str]:
    """Give what a cell's value is shown as, by MIME type."""
    (result,) = (one for one in outputs if one["output_type"] == "execute_result")
    return dict(result["data"])


@pytest.mark.filterwarnings("ignore")  # of the kernel's own libraries
def test_the_whole_journey(server: Running, account: str, field: Path) -> None:
    assert sum(len(cell.splitlines()) for cell in CELLS) <= 15
    outputs = execute(CELLS, field)
    run, picture, plan, done, stands, audit, table, sets = map(shown, outputs[1:])
    assert base64.b64decode(picture["image/png"]).startswith(b"\x89PNG")
    assert "<td>12</td>" in run["text/html"]
    assert "Notebook" in plan["text/html"]
    assert "<th>linked</th>" in done["text/html"]
    assert "<td>True</td>" in stands["text/html"]
    assert ": 0 differences" in audit["text/html"]
    assert table["text/html"].count("<tr>") == 12
    assert "Notebook" in sets["text/html"]
    texts = "".join(str(one) for cell in outputs for one in cell if one["output_type"] == "stream")
    assert "Error" not in texts
    assert "Warning" not in texts


@pytest.mark.filterwarnings("ignore")
def test_what_would_be_asked_ends_the_cell(server: Running, account: str, field: Path) -> None:
    with pytest.raises(CellExecutionError, match="say where to"):
        execute(["import zoocut", "zoocut.upload(zoocut.generate('zoocut.toml', 'new-run'))"], field)
