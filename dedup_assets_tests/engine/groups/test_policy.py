"""The image to keep is chosen by the first rule that tells two apart; what is unknown decides nothing."""

import itertools
import os
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup_assets.engine.core.keep_rules import PRESETS
from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.match_tables import EVIDENCE_SCHEMA, IMAGES_SCHEMA
from dedup_assets.engine.core.verdict_records import GivenVerdict, Verdicts
from dedup_assets.engine.groups import form_groups

FACTS: dict[str, Any] = {"width": 100, "height": 100, "size_bytes": 1000, "frames": 1, "camera": "", "taken": ""}
FACTS |= {"format": "JPEG", "is_lossless": False, "jpeg_quality": 90, "carries": ""}


def group_of(
    relation: str,
    *images: dict[str, Any],
    edited: str = "",
    kind: str = "",
    policy: str = "photos",
    verdicts: Verdicts | None = None,
) -> Groups:
    """One group of images named a, b, ..., all of one relation, that differ in these facts."""
    names = [bytes([ord("a") + number]) for number in range(len(images))]
    said = {
        "similarity": 0.9,
        "relation": relation,
        "kind": kind,
        "transform": None,
        "overlap_a": 1.0,
        "overlap_b": 1.0,
    }
    said |= {"residual": 0.1, "inliers": 9, "edited": edited}
    rows = [{"a": a, "b": b, **said} for a, b in itertools.combinations(names, 2)]
    facts = [{"filename": name, "content": name.hex(), **FACTS, **own} for name, own in zip(names, images, strict=True)]
    evidence = Evidence(pl.DataFrame(rows, EVIDENCE_SCHEMA), pl.DataFrame(facts, IMAGES_SCHEMA))
    return form_groups(evidence, policy, verdicts)


FIRST = "first by name, as no rule before it tells them apart"
PNG = {"format": "PNG", "is_lossless": True, "jpeg_quality": None}


@pytest.mark.parametrize(
    ("relation", "a", "b", "kept", "reason"),
    [
        ("copy", {}, {"camera": "Maker 7"}, b"b", "from a camera"),
        ("copy", {"camera": "Maker 7"}, {"camera": "Other 8", "width": 200}, b"b", "more pixels"),
        ("copy", {"width": None}, {"width": 5000, "jpeg_quality": 95}, b"b", "higher JPEG quality"),
        ("copy", {}, PNG, b"b", "without loss"),
        ("pixels", {}, PNG | {"size_bytes": 9000}, b"a", "a lossless file is made from it"),
        ("copy", {"jpeg_quality": None}, {"size_bytes": 2000}, b"b", "more bytes"),
        ("copy", {"format": "WEBP", "jpeg_quality": None}, {"size_bytes": 2000}, b"a", FIRST),
        ("copy", {"taken": "2020-01-01 00:00:00"}, {"taken": "2019-01-01 00:00:00"}, b"b", "taken first"),
        ("copy", {"taken": "2020-01-01 00:00:00"}, {}, b"a", FIRST),
    ],
)
def test_the_first_rule_that_tells_two_apart_decides(
    relation: str, a: dict[str, Any], b: dict[str, Any], kept: bytes, reason: str
) -> None:
    rows = group_of(relation, a, b).rows
    assert rows.select("keep", "reason").row(0) == (kept, reason)


def test_a_policy_of_ones_own_goes_before_pixels_and_quality() -> None:
    images = ({"width": 900, "jpeg_quality": 99}, {})
    assert group_of("copy", *images, policy="path=^b$,pixels").rows["reason"][0] == "path matches ^b$"
    assert group_of("copy", *images, policy="path=^b$,pixels").rows["keep"][0] == b"b"
    assert group_of("copy", *images, policy="name").rows["keep"][0] == b"a"


def test_archives_put_the_time_before_what_was_done_and_data_sets_ignore_it() -> None:
    images = ({"taken": "2020-01-01 00:00:00", "camera": "M"}, {"taken": "2019-01-01 00:00:00", "camera": "M"})
    kept = {policy: group_of("copy", *images, edited="b", policy=policy).rows["keep"][0] for policy in PRESETS}
    assert kept == {"photos": b"a", "dataset": b"a", "archive": b"b"}


def test_an_enlarged_copy_is_not_kept_for_its_pixels() -> None:
    rows = group_of("copy", {}, {"width": 200}, edited="b", kind="squeezed, enlarged").rows
    assert rows.select("keep", "reason").row(0) == (b"a", "not enlarged")
    camera = group_of("copy", {}, {"width": 200, "camera": "Maker 7"}, edited="b", kind="enlarged").rows
    assert camera["keep"][0] == b"b"


@pytest.mark.parametrize("carried", ["exif", "exif gps", "icc", "xmp"])
def test_a_copy_with_metadata_that_the_kept_image_lacks_is_for_a_person(carried: str) -> None:
    rows = group_of("copy", {"width": 200}, {"carries": carried}, {}).rows
    assert dict(rows.select("filename", "role").iter_rows()) == {b"a": "keep", b"b": "review", b"c": "copy"}
    both = group_of("copy", {"width": 200, "carries": "exif gps icc xmp"}, {"carries": carried}).rows
    assert both["role"].to_list() == ["keep", "copy"]


LACKS = (
    "has a date that the kept one lacks; has a place that the kept one lacks; "
    "names a camera, and the kept one names none; has EXIF data"
)
ANOTHER = "was taken at another time; was taken at another place; names another camera"


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ("", LACKS),
        ("exif gps date-2 place-2 camera-2", ANOTHER),
        ("exif date-1 camera-1", "has a place that the kept one lacks"),
    ],
)
def test_what_a_copy_carries_is_another_one_only_where_the_kept_image_has_one(kept: str, said: str) -> None:
    rows = group_of("copy", {"width": 200, "carries": kept}, {"carries": "exif gps date-1 place-1 camera-1"}).rows
    assert rows.select("role", "review").row(1) == ("review", said)


def test_the_resolution_of_a_copy_says_nothing_beside_a_photograph_of_a_camera() -> None:
    for kept, role in (("dots-118x118", "review"), ("", "review"), ("exposure", "copy"), ("dots-236x236", "copy")):
        rows = group_of("copy", {"width": 200, "carries": kept}, {"carries": "dots-236x236"}).rows
        assert (rows["keep"][0], rows["role"].to_list()) == (b"a", ["keep", role]), kept


own_facts = st.fixed_dictionaries(
    {},
    optional={
        "width": st.none() | st.integers(90, 110),
        "camera": st.sampled_from(["", "M", None]),
        "jpeg_quality": st.none() | st.integers(80, 82),
        "is_lossless": st.none() | st.booleans(),
        "format": st.sampled_from(["JPEG", "PNG"]),
        "size_bytes": st.none() | st.integers(1, 3),
        "taken": st.sampled_from(["", "2019-01-01 00:00:00", "2020-01-01 00:00:00"]),
    },
)


@given(st.lists(own_facts, min_size=2, max_size=5), st.sampled_from(["copy", "pixels"]))
def test_some_rule_always_decides_and_all_images_stay_in_the_group(images: list[dict[str, Any]], relation: str) -> None:
    rows = group_of(relation, *images).rows
    assert rows.height == len(images)
    assert "" not in rows["reason"]
    assert rows.filter(pl.col("filename") == pl.col("keep"))["role"].to_list() == ["keep"]


PLAIN, PLAINER = "its name is not that of a copy", "its name says less of a copy"
ORIGINALS, NO_COPIES = "in a folder of originals", "in no folder of copies, exports or backups"
FEWER_COPIES, SHORTER = (
    "in fewer folders of copies, exports or backups",
    "in fewer folders, as no rule before it tells them apart",
)


@pytest.mark.parametrize(
    ("kept", "copy", "reason"),
    [
        ("p/DSC_2.jpg", "p/DSC_2 (1).jpg", PLAIN),
        ("p/IMG_1.jpg", "p/Copy of IMG_1.jpg", PLAIN),
        ("p/a.jpeg", "p/a - Kopie (2).jpeg", PLAIN),
        ("p/a - Kopie.jpeg", "p/a - Kopie (2).jpeg", PLAINER),
        ("p/a.png", "p/a copy 3.png", PLAIN),
        ("p/a.png", "p/a-COPY.png", PLAIN),
        ("p/a.png", 'p/"a", a "copy".png', PLAIN),
        ("p/b.jpg", "p/a_edited.jpg", PLAIN),
        ("p/b.jpg", "p/a-bearbeitet2.jpg", PLAIN),
        ("p/b.jpg", "p/a modifié.jpg", PLAIN),
        ("p/b.jpg", "p/a_thumb.jpg", PLAIN),
        ("p/b.jpg", "p/THUMB_a.jpg", PLAIN),
        ("p/b.jpg", "p/a.bak.jpg", PLAIN),
        ("p/b.jpg", "p/a - копия.jpg", PLAIN),
        ("p/b.jpg", "p/a - 副本.jpg", PLAIN),
        ("p/b.jpg", "p/aのコピー.jpg", PLAIN),
        ("p/b.jpg", "p/a - 복사본.jpg", PLAIN),
        ("p/b.jpg", "p/cópia de a.jpg", PLAIN),
        ("z/Album/Oma.jpg", "a/Oma(1).jpg", PLAIN),
        ("b/photocopy.jpg", "a/IMG~2", PLAIN),
        ("p/originals/a.jpg", "p/exact/a.jpg", ORIGINALS),
        ("p/originals/a.jpg", "a.jpg", ORIGINALS),
        ("p/Master 2019/deep/er/a.jpg", "p/Alben/a.jpg", ORIGINALS),
        ("p/originals/a.jpg", "p/originals/Backup/a.jpg", NO_COPIES),
        ("z/Alben/2019/a.jpg", "a/Thumbnails/a.jpg", NO_COPIES),
        ("z/Alben/2019/a (1).jpg", "Sicherung 2020/a.jpg", NO_COPIES),
        ("z/a.jpg", "sauvegarde/a.jpg", NO_COPIES),
        ("z/a.jpg", "резервная копия/a.jpg", NO_COPIES),
        ("z/export/a.jpg", "a/backup/thumbs/a.jpg", FEWER_COPIES),
        ("p/b.jpg", "p/2019/a.jpg", SHORTER),
        ("/home/backup/originals/a.jpg", "/home/backup/exact/a.jpg", ORIGINALS),
        ("p/(1).d/a.jpg", "p/(1).d/b.jpg", FIRST),
        ("p/x (2019).jpg", "p/y (2019).jpg", FIRST),
        ("p/originalität/b.jpg", "p/originalität/c.jpg", FIRST),
        ("p/exporter/a.jpg", "p/kopf/a.jpg", FIRST),
        ("p/\udcff.jpg", "p/\udcff (1).jpg", PLAIN),
    ],
)
def test_of_equal_files_the_one_that_is_kept_is_what_people_call_the_original(
    kept: str, copy: str, reason: str
) -> None:
    first, second = sorted([os.fsencode(kept), os.fsencode(copy)])
    said = {"similarity": 1.0, "relation": "exact", "kind": "", "transform": None, "overlap_a": 1.0, "overlap_b": 1.0}
    row = {"a": first, "b": second, **said, "residual": 0.0, "inliers": 0, "edited": ""}
    images = [{"filename": name, "content": "00", **FACTS} for name in (first, second)]
    evidence = Evidence(pl.DataFrame([row], EVIDENCE_SCHEMA), pl.DataFrame(images, IMAGES_SCHEMA))
    rows = form_groups(evidence).rows
    assert (os.fsdecode(rows["keep"][0]), rows["reason"][0]) == (kept, reason)
    assert os.fsdecode(form_groups(evidence, "pixels").rows["keep"][0]) == kept
    assert os.fsdecode(form_groups(evidence, "pixels,name").rows["keep"][0]) == os.fsdecode(first)


def test_a_verdict_that_two_are_the_same_clears_only_what_a_person_has_to_look_at() -> None:
    same = Verdicts(given=(GivenVerdict("v-1", "2020-01-01", "me", "same", "61", "62"),))
    look = group_of("copy", {"width": 200}, {}, kind="small text may differ")
    assert look.rows["review"].to_list() == ["", "small text may differ"]
    decided = group_of("copy", {"width": 200}, {}, kind="small text may differ", verdicts=same)
    assert decided.rows.select("role", "review").rows() == [("keep", ""), ("copy", "")]
    lost = group_of("copy", {"width": 200}, {"carries": "film-1"}, kind="small text may differ", verdicts=same)
    assert lost.rows.select("role", "review").row(1) == ("review", "holds a film")


def known(facts: dict[str, Any]) -> set[str]:
    """The names of what is known of an image; a time is unknown where it is empty."""
    return {name for name, fact in facts.items() if fact is not None and (name, fact) != ("taken", "")}


def holds(reason: str, kept: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether a reason is true of the kept image beside another one."""
    quality, taken = (tuple(each.get(name) or 0 for each in (kept, other)) for name in ("jpeg_quality", "taken"))
    width, size = ([each.get(name) or 0 for each in (kept, other)] for name in ("width", "size_bytes"))
    is_lossless = [each.get("is_lossless") for each in (kept, other)]
    true = {
        "from a camera": bool(kept.get("camera")) and not other.get("camera"),
        "more pixels": width[0] > width[1],
        "without loss": is_lossless == [True, False],
        "a lossless file is made from it": is_lossless == [False, True],
        "higher JPEG quality": quality[0] > quality[1],
        "more bytes": size[0] > size[1] and kept["format"] == other["format"],
        "taken first": str(taken[0]) < str(taken[1]),
        FIRST: True,
        "best by what is known of each image alone": bool(known(kept) - known(other))
        or (size[0] > size[1] and kept["format"] != other["format"]),  # which two files alone do not compare
    }
    return true[reason]


@given(own_facts, own_facts, st.sampled_from(["copy", "pixels"]))
def test_the_reason_of_a_pair_is_true_of_its_facts(a: dict[str, Any], b: dict[str, Any], relation: str) -> None:
    rows = group_of(relation, a, b).rows
    facts = {b"a": FACTS | a, b"b": FACTS | b}
    (other,) = facts.keys() - {rows["keep"][0]}
    assert holds(rows["reason"][0], facts[rows["keep"][0]], facts[other])
    assert rows["reason"][0] != FIRST or rows["keep"][0] == b"a"


def test_each_copy_has_the_rule_that_tells_it_and_the_kept_image_apart() -> None:
    fine, plain = {"width": 200, "jpeg_quality": 95}, {"width": 200}
    rows = group_of("copy", fine, plain, {"width": 90, "jpeg_quality": 99}, fine, {"camera": "M"} | fine).rows
    said = dict(rows.select("filename", "reason").iter_rows())

    assert set(said.values()) == {"from a camera"}
    rows = group_of("copy", fine, plain, {"width": 90, "jpeg_quality": 99}, fine).rows
    said = dict(rows.select("filename", "reason").iter_rows())
    assert said == {b"a": FIRST, b"b": "higher JPEG quality", b"c": "more pixels", b"d": FIRST}


@given(st.lists(own_facts, min_size=2, max_size=5), st.sampled_from(["copy", "pixels"]))
def test_each_reason_is_true_of_the_kept_image_beside_that_copy(images: list[dict[str, Any]], relation: str) -> None:
    rows = group_of(relation, *images).rows
    facts = {bytes([ord("a") + number]): FACTS | own for number, own in enumerate(images)}
    kept = rows["keep"][0]
    reasons = dict(rows.select("filename", "reason").iter_rows())
    for name in facts.keys() - {kept}:
        if reasons[name] not in ALONE:
            assert holds(reasons[name], facts[kept], facts[name])
    assert reasons[kept] in {reasons[name] for name in facts.keys() - {kept}}


ALONE = ("best by what is known of each image alone", "the others are copies of it")
