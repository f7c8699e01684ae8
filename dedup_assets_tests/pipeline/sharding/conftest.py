"""Fixtures for assets whose partitions many workers share."""

from collections.abc import Iterator

import dagster as dg
import pytest


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster instance, closed at the end: one that is collected warns in whichever test runs then."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made
