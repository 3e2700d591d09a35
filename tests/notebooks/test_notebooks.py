"""Notebooks stay thin, carry no output, and run from the first cell to the last."""

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
SERVED = [file for file in NOTEBOOKS if file.parent.name == "dashboards"]


def _cells(file: Path, kind: str) -> list:
    notebook = nbformat.read(file, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def _lines(cells: list) -> list[int]:
    return [sum(bool(line.strip()) for line in cell.source.splitlines()) for cell in cells]


def test_there_are_notebooks():
    assert {"start", "overview", "checkup"} <= {file.stem for file in NOTEBOOKS}


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_notebook_is_thin(file):
    code = _cells(file, "code")
    assert sum(_lines(code)) <= (10 if file in SERVED else 80)
    assert max(_lines(code)) <= 12
    assert not [cell for cell in code if cell.outputs or cell.execution_count]
    trees = [ast.parse(cell.source) for cell in code]
    kinds = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While)
    assert not [node for tree in trees for node in ast.walk(tree) if isinstance(node, kinds)]
    first = nbformat.read(file, as_version=4).cells[0]
    assert first.cell_type == "markdown"
    assert "?" in first.source or "？" in first.source


@pytest.mark.parametrize("file", SERVED, ids=lambda file: file.stem)
def test_dashboard_ends_by_being_served(file):
    assert _cells(file, "code")[-1].source.rstrip().endswith(".servable()")


@pytest.mark.notebook
@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_notebook_runs(file, monkeypatch):
    # what CI has is what everybody has: the examples of the project, no shared recordings
    monkeypatch.delenv("LIFELINE_BENCH_DATA", raising=False)
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    notebook = nbformat.read(file, as_version=4)
    client = NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(file.parent)}}
    )
    client.execute()
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
