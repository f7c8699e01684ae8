"""Every page is self-contained, inert, well-formed, linked and the same each time."""

import re
from collections.abc import Callable
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup_assets.engine.core.records import Components
from dedup_assets.engine.core.set_records import Leaks
from dedup_assets.engine.core.set_tables import FIX_SCHEMA, LEAKS_SCHEMA, MATRIX_SCHEMA
from dedup_assets.engine.gallery.pages import (
    Frame,
    Illustrate,
    Page,
    Summary,
    bad_images_page,
    components_page,
    duplicates_page,
    groups_page,
    leaks_page,
    outliers_page,
    stats_page,
    summary_page,
)
from dedup_assets.engine.gallery.pages.grouping import number_groups
from dedup_assets.engine.gallery.pages.layout import GALLERY_PAGES
from dedup_assets.engine.work_dir.result_files import PAGES
from dedup_assets_tests.support.gallery_pages import (
    illustrate,
    illustrate_nothing,
    make_bad,
    make_components,
    make_groups,
    make_pairs,
    read_page,
)

Build = Callable[[bytes, Illustrate], str]
TAME = b"/photos/a.jpg"
ADDRESS = re.compile(
    r"#|file:///|https?://|(index|groups|leaks|duplicates|components|outliers|map|bad_images)\.html(#[a-z0-9=&.-]+)?$"
)
# Fragments that would break out of text, attributes, comments, styles or addresses without escaping.
FRAGMENTS = [
    "<script>alert(1)</script>", "</style>", "</title>", "<!--", "-->", "]]>", '" onerror="x', "' onload='x",
    "&lt;", "&#0;", "javascript:", "http://", "s3://", "{{ 7*7 }}", "{% raw %}", "\u202e", "\n", "\r", "\0", "/", "\\",
    "`", "=", "\ud800", "\ufffe", "\U000e0001", "写真",
]  # fmt: skip


def _wild_names() -> st.SearchStrategy[bytes]:
    mixed = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=5), min_size=1, max_size=8).map("".join).filter(bool)
    encoded = mixed.map(lambda text: text.encode("utf-8", "surrogatepass"))
    return encoded | st.binary(min_size=1, max_size=20)


def _one_component(name: bytes) -> tuple[Components, pl.Series]:
    return make_components(2)[0], pl.Series([name, TAME], dtype=pl.Binary)


def _duplicates(name: bytes, illustrate: Illustrate) -> str:
    return duplicates_page(make_pairs((name, b"/other.jpg", 0.9), (b"/third.jpg", b"/other.jpg", 0.99)), illustrate)


def _outliers(name: bytes, illustrate: Illustrate) -> str:
    return outliers_page(make_pairs((name, TAME, 0.1)), illustrate)


def _components(name: bytes, illustrate: Illustrate) -> str:
    return components_page(*_one_component(name), illustrate)


def _groups(name: bytes, illustrate: Illustrate) -> str:
    groups = make_groups(
        (name, [(b"/z.jpg", 0.9, "copy", "cropped to 56 %")]),
        (b"/b.jpg", [(b"/c.jpg", 0.9, "exact", "")]),
        related=[(0, b"/c.jpg", 0.5, "variant"), (1, name, 0.5, "unverified")],
    )
    names = pl.Series(sorted({name, b"/z.jpg", b"/b.jpg", b"/c.jpg"}), dtype=pl.Binary)
    sizes = pl.DataFrame({"filename": [b"/z.jpg", b"/c.jpg"], "size_bytes": [9, 5]})
    return groups_page(number_groups(groups, names, sizes), names, illustrate)


def _bad_images(name: bytes, illustrate: Illustrate) -> str:
    del illustrate
    text = name.decode("utf-8", "replace")
    return bad_images_page(make_bad((name, "ERROR_CORRUPT_IMAGE", 5, text)), frame=Frame(subtitle=f"of {text}"))


def _summary(name: bytes, illustrate: Illustrate) -> str:
    components, names = _one_component(name)
    text = name.decode("utf-8", "surrogateescape")
    facts = Summary(
        names=names,
        bad=make_bad((name, "ERROR_CORRUPT_IMAGE", 5, "reason")),
        pairs=make_pairs((name, b"/other.jpg", 0.9)),
        components=components,
        outliers=make_pairs((name, TAME, 0.1)),
        settings={"input_dir": f"in {text}"},
    )
    return summary_page(facts, illustrate, frame=Frame(title=f"Run {text}", subtitle=f"of {text}"))


def _leaks(name: bytes, illustrate: Illustrate) -> str:
    named = name.decode("utf-8", "replace")
    rows = [(named, name, "test", b"/other.jpg", True, "link", "the same file", 1.0, "certain", "")]
    cells = [(a, b, 1, 1, 1, 0.5, 0.5, 1, 0, 0, 0) for a in (named, "test") for b in (named, "test")]
    leaks = Leaks(
        rows=pl.DataFrame(rows, schema=LEAKS_SCHEMA, orient="row"),
        matrix=pl.DataFrame(cells, schema=MATRIX_SCHEMA, orient="row"),
        fix=pl.DataFrame([(named, name, "drop", "test", name, "link", "")], schema=FIX_SCHEMA, orient="row"),
        sizes={named: 2, "test": 2},
        evaluation=("test",),
    )
    return leaks_page(leaks, illustrate, saying=f"1 of 2 test images are in {named}")


def _stats(name: bytes, illustrate: Illustrate) -> str:
    return stats_page([(name, 1.0), (TAME, 2.0)], illustrate, metric="blur", descending=False, total=2)


every_page = pytest.mark.parametrize(
    "build", [_duplicates, _outliers, _components, _groups, _bad_images, _summary, _leaks, _stats]
)


def _skeleton(page: str) -> list[tuple[str, tuple[str, ...]]]:
    """Tags and attribute names, without those that only wrap text or depend on names."""
    return [
        (element.tag, tuple(element.attributes))
        for element in read_page(page).elements
        if element.tag not in {"wbr", "strong"} and not {"escape", "advice"} & set(element.classes)
    ]


@every_page
@settings(max_examples=20)  # of each page
@given(name=_wild_names())
def test_no_name_adds_a_tag_an_attribute_or_an_unsafe_address(build: Build, name: bytes) -> None:
    page = build(name, illustrate_nothing)
    assert _skeleton(page) == _skeleton(build(TAME, illustrate_nothing))
    shown = read_page(build(name, illustrate))
    assert all(ADDRESS.match(address) or address.startswith("data:") for address in shown.collect("href"))


@every_page
def test_a_name_of_4_kilobytes_is_shown_whole(build: Build) -> None:
    base = 250 * "x" + ".jpg"
    name = f"/{'/'.join(30 * [128 * 'd'])}/{base}"
    assert base in read_page(build(name.encode(), illustrate)).text


@every_page
def test_a_page_runs_nothing_and_loads_nothing(build: Build) -> None:
    page = build(TAME, illustrate)
    content = read_page(page)
    assert not {"script", "iframe", "object", "embed", "base", "form"} & {element.tag for element in content.elements}
    assert not any(name.startswith("on") for element in content.elements for name in element.attributes)
    assert all(source.startswith("data:image/jpeg;base64,") for source in content.collect("src"))
    assert not re.search(r"url\(|@import|expression\(", page)
    icons = [element for element in content.elements if element.tag == "link"]
    assert [icon.attributes["rel"] for icon in icons] == ["icon"]


@every_page
def test_the_policy_forbids_scripts_and_the_network(build: Build) -> None:
    head = read_page(build(TAME, illustrate)).elements
    position, policy = next(
        (i, element.attributes["content"])
        for i, element in enumerate(head)
        if element.attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
    assert [element.tag for element in head[:position]] == ["html", "head", "meta"]


@every_page
def test_the_same_results_give_the_same_bytes(build: Build) -> None:
    assert build(TAME, illustrate) == build(TAME, illustrate)


@every_page
def test_a_page_has_what_a_screen_reader_needs(build: Build) -> None:
    content = read_page(build(TAME, illustrate))
    tags = [element.tag for element in content.elements]
    assert [tags.count(tag) for tag in ("h1", "main", "header", "footer")] == [1, 1, 1, 1]
    assert content.elements[0].attributes == {"lang": "en"}
    assert all(element.attributes.get("alt") for element in content.elements if element.tag == "img")
    identifiers = content.collect("id")
    assert len(set(identifiers)) == len(identifiers)
    levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))


@every_page
def test_pictures_are_loaded_when_they_come_into_view(build: Build) -> None:
    images = [element for element in read_page(build(TAME, illustrate)).elements if element.tag == "img"]
    assert all(image.attributes["loading"] == "lazy" for image in images)


def test_only_pages_that_exist_are_linked() -> None:
    pairs = make_pairs(("a", "b", 0.9))
    alone = read_page(duplicates_page(pairs, illustrate))
    assert not any(element.tag == "nav" for element in alone.elements)
    beside = read_page(duplicates_page(pairs, illustrate, frame=Frame(pages=[Page.OUTLIERS, Page.SUMMARY])))
    pages = [address for address in beside.collect("href") if address.endswith(".html")]
    assert pages == ["index.html", "duplicates.html", "outliers.html"]
    current = [element for element in beside.elements if "aria-current" in element.attributes]
    assert [element.attributes["href"] for element in current] == ["duplicates.html"]


def test_title_and_run_facts_stand_in_the_head() -> None:
    page = duplicates_page(make_pairs(), illustrate, frame=Frame(title="My <photos>", subtitle="686 images"))
    assert "<title>My &lt;photos&gt; · dedup_assets</title>" in page
    assert "686 images" in read_page(page).text
    assert page.startswith("<!DOCTYPE html>")


def test_a_run_looks_for_files_of_others_under_the_names_of_all_pages() -> None:
    assert {page.value for page in GALLERY_PAGES} == set(PAGES)
