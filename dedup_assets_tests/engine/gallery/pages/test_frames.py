"""Frames of one video are one entry of a card."""

import polars as pl
import pytest

from dedup_assets.engine.gallery.pages.frames import describe_frames, first_of_card, fold_members


def frame(second: int, video: str = "/clip.mp4") -> bytes:
    return f"{video}#t=00:{second // 60:02d}:{second % 60:02d}.000".encode()


def test_frames_of_one_video_are_shown_by_the_first_of_their_card() -> None:
    names = [b"/a.jpg", frame(15), frame(3), frame(9), frame(1, "/b.mov"), frame(2, "/b.mov"), frame(1, "/c.mov")]
    folded = fold_members(pl.Series([7] * 7), pl.Series(names))
    three, two = "3 frames of clip.mp4, 0:03 to 0:15", "2 frames of b.mov, 0:01 to 0:02"
    assert folded.to_list() == [None, three, "", "", two, "", None]


def test_frames_on_two_cards_are_not_folded_together() -> None:
    names = pl.Series([frame(second) for second in range(4)])
    assert fold_members(pl.Series([1, 2, 3, 4]), names).to_list() == [None] * 4


def test_a_file_that_is_only_called_like_a_frame_is_not_folded() -> None:
    names = pl.Series([frame(second, "/a.jpg") for second in range(4)])
    assert fold_members(pl.Series([1] * 4), names).to_list() == [None] * 4


def test_a_card_counts_a_fold_as_one() -> None:
    table = pl.DataFrame({"card": [1, 1, 1, 1, 2], "frames": ["3 frames", "", "", None, None], "row": range(5)})
    assert first_of_card(table, "card", 2)["row"].to_list() == [0, 3, 4]
    assert first_of_card(table, "card", 1)["row"].to_list() == [0, 4]
    assert first_of_card(table, "card", -1)["row"].to_list() == [0, 3, 4]


@pytest.mark.parametrize(
    ("moments", "said"),
    [
        ([0, 61_000], "0:00 to 1:01"),
        ([3_600_000, 59_000], "0:59 to 1:00:00"),
        ([3_100, 3_900], "0:03.100 to 0:03.900"),
    ],
)
def test_moments_are_said_as_a_player_shows_them(moments: list[int], said: str) -> None:
    assert describe_frames(b"/x\n.mp4", moments) == rf"2 frames of x\n.mp4, {said}"
