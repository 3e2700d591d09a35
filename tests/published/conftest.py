"""Shared data of the benchmarks: never part of the repository, skipped where absent."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of benchmark data: LIFELINE_BENCH_DATA, else ../shared/data beside the repository."""
    folder = Path(os.environ.get("LIFELINE_BENCH_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"shared data absent: {folder} (set LIFELINE_BENCH_DATA)")
    return folder
