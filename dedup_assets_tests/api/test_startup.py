"""Garbage collection is postponed while a run starts, and restored afterwards."""

import gc
import weakref
from collections.abc import Iterator
from contextlib import suppress

import pytest

from dedup_assets.api.startup import starting


class Knot:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(params=[True, False], ids=["collector on", "collector off"])
def was_on(request: pytest.FixtureRequest) -> Iterator[bool]:
    before = gc.isenabled()
    if request.param:
        gc.enable()
    else:
        gc.disable()
    yield bool(request.param)
    if before:
        gc.enable()


def test_nothing_is_collected_until_all_is_imported(was_on: bool) -> None:
    with starting() as started:
        assert not gc.isenabled()
        started()
        assert gc.isenabled() is was_on
        assert gc.get_freeze_count() > 0


def test_what_a_run_leaves_behind_is_collected_while_it_goes_on() -> None:
    with starting() as started:
        started()
        knot = weakref.ref(Knot())
        gc.collect()
        assert knot() is None


def test_what_the_host_has_frozen_stays_frozen() -> None:
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with starting() as started:
            started()
        assert gc.get_freeze_count() > frozen // 2  # a few of them may have ended
    finally:
        gc.unfreeze()


@pytest.mark.parametrize("fails", [False, True])
def test_the_collector_is_as_before_at_the_end(was_on: bool, fails: bool) -> None:
    with suppress(ValueError), starting() as started:
        started()
        if fails:
            raise ValueError
    assert gc.isenabled() is was_on
    assert gc.get_freeze_count() == 0
