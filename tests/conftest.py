"""Fixtures that every test folder shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED_DATA_VARIABLE = "HEARTREACH_TEST_DATA"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real extracts beside the checkout, or a skip with the reason."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get(SHARED_DATA_VARIABLE, root.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no test data: {folder} is missing (set {SHARED_DATA_VARIABLE} to its folder)")
    return folder
