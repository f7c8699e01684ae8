"""Each pair is listed once, in order."""

from dedup_assets.engine.gallery.pages.pairing import (
    fold_frames,
    frames_last,
    merge_directions,
    of_one_video,
    show_pairs,
)
from dedup_assets_tests.support.gallery_pages import illustrate, make_pairs

SYMMETRIC = make_pairs(("a", "b", 0.99), ("b", "a", 0.99), ("c", "a", 0.9), ("d", "c", 0.95), ("c", "d", 0.96))


def test_a_pair_in_both_directions_is_listed_once_with_its_higher_similarity() -> None:
    assert list(merge_directions(SYMMETRIC)) == [(b"a", b"b", 0.99), (b"c", b"d", 0.96), (b"c", b"a", 0.9)]


def test_bytes_are_compared_not_characters() -> None:
    assert len(merge_directions(make_pairs((b"\xff", b"a", 0.9), (b"a", b"\xff", 0.9)))) == 1


def test_the_limit_cuts_after_ordering() -> None:
    merged = merge_directions(SYMMETRIC)
    assert [pair.similarity for pair in show_pairs(merged, illustrate, num_images=2, descending=True)] == [0.99, 0.96]
    assert [pair.similarity for pair in show_pairs(merged, illustrate, num_images=2, descending=False)] == [0.9, 0.96]


def test_a_negative_limit_shows_all_and_zero_none() -> None:
    assert len(show_pairs(SYMMETRIC, illustrate, num_images=-1, descending=True)) == 5
    assert show_pairs(SYMMETRIC, illustrate, num_images=0, descending=True) == []


def test_no_pairs_stay_no_pairs() -> None:
    assert len(merge_directions(make_pairs())) == 0


def test_pairs_of_frames_of_one_video_come_after_all_others() -> None:
    frames = [f"/a.mp4#t=00:00:0{second}.000" for second in range(3)]
    pairs = make_pairs(
        (frames[0], frames[1], 1.0),
        ("/1.jpg", "/2.jpg", 0.99),
        (frames[0], "/b.mp4#t=00:00:00.000", 0.98),
        (frames[1], frames[2], 0.97),
        ("/1.jpg", "/not-a-video.jpg#t=00:00:00.000", 0.96),
    )
    assert frames_last(pairs).rows["distance"].to_list() == [0.99, 0.98, 0.96, 1.0, 0.97]
    assert of_one_video(pairs.rows).to_list() == [True, False, False, True, False]


def test_pairs_of_frames_of_the_same_videos_are_one_fold() -> None:
    a, b = ([f"/{video}.mp4#t=00:00:0{second}.000" for second in range(3)] for video in "ab")
    pairs = make_pairs(
        (a[0], b[0], 0.99), ("/1.jpg", "/2.jpg", 0.98), (b[1], a[1], 0.97), (b[0], b[1], 0.96), (a[0], "/1.jpg", 0.9)
    )
    assert fold_frames(pairs.rows).to_list() == [0, None, 0, None, None]
    shown = show_pairs(pairs, illustrate, num_images=-1, descending=True, folds=True)
    assert [(pair.similarity, pair.folded) for pair in shown] == [(0.99, 2), (0.98, 1), (0.9, 1), (0.96, 1)]
