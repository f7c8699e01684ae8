"""Fixtures that more than one test module needs."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real and odd pictures that may lie beside the checkout, or a skip.

    It is `../shared/data`; the environment variable DEDUP_SHARED names another place for `shared`, for a checkout that
    lies elsewhere.
    """
    beside = Path(__file__).parents[2] / "shared"
    data = Path(os.environ.get("DEDUP_SHARED", beside)) / "data"
    if not data.is_dir():
        pytest.skip(f"no pictures in {data}; DEDUP_SHARED can name the folder above them")
    return data
