"""Counting images."""

import pytest

from dedup_assets.engine.core.progress import ProgressReporter


def test_images_are_added_up_and_a_new_count_starts_from_nothing() -> None:
    progress = ProgressReporter()
    progress.begin(10)
    progress.advance(4, 1)
    progress.advance(2, 1)
    assert (progress.total, progress.done, progress.bad) == (10, 6, 2)
    assert progress.rate > 0
    assert progress.seconds_left == pytest.approx(4 / progress.rate, rel=0.5)
    progress.begin(3)
    assert (progress.total, progress.done, progress.bad) == (3, 0, 0)
    assert progress.seconds_left == 0


def test_the_end_is_told_whatever_happens() -> None:
    class Remembering(ProgressReporter):
        ended = False

        def end(self) -> None:
            self.ended = True

    progress = Remembering()
    with pytest.raises(ZeroDivisionError), progress.counting(5):
        raise ZeroDivisionError
    assert progress.ended


def test_what_is_counted_is_named() -> None:
    progress = ProgressReporter()
    with progress.counting(4, "pairs"):
        progress.advance(1, 0)
    assert str(progress).startswith("1 of 4 pairs, 0 bad, ")


def test_what_turns_up_on_the_way_leaves_no_count_beyond_its_total() -> None:
    progress = ProgressReporter()
    with progress.counting(2, "pairs"):
        progress.advance(3, 0)
        assert str(progress).startswith("3 of 3 pairs, 0 bad, ")
        assert progress.seconds_left == 0
