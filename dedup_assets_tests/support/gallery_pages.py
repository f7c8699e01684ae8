"""Small records, pictures and a reader of pages, for the gallery's tests."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser

import polars as pl

from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.match_tables import EVIDENCE_SCHEMA, GROUPS_SCHEMA, IMAGES_SCHEMA, RELATED_SCHEMA
from dedup_assets.engine.core.records import BadImages, Components, Pairs
from dedup_assets.engine.gallery.pages import ShownFile

JPEG = b"\xff\xd8\xff\xe0 not decoded by anybody here \xff\xd9"
VOID_TAGS = frozenset({"meta", "link", "img", "input", "wbr"})
INLINE_TAGS = frozenset({"a", "span", "strong", "time"})


def illustrate(name: bytes) -> ShownFile:
    """Every file is there and alike."""
    return ShownFile(name, JPEG, 640, 480, 12345, datetime(2024, 5, 3, 14, 22, tzinfo=UTC))


def illustrate_nothing(name: bytes) -> ShownFile:
    """No file is there any more."""
    return ShownFile(name, problem="FileNotFoundError: <gone>")


def make_pairs(*rows: tuple[str | bytes, str | bytes, float]) -> Pairs:
    named = [(os.fsencode(a), os.fsencode(b), similarity) for a, b, similarity in rows]
    schema = {"from": pl.Binary, "to": pl.Binary, "distance": pl.Float64}
    return Pairs(pl.DataFrame(named, schema=schema, orient="row"))


def make_bad(*rows: tuple[str | bytes, str, int, str]) -> BadImages:
    numbered = [(i, os.fsencode(name), code, size, reason) for i, (name, code, size, reason) in enumerate(rows)]
    schema = {
        "index": pl.Int64,
        "filename": pl.Binary,
        "error_code": pl.String,
        "filesize": pl.Int64,
        "error": pl.String,
    }
    return BadImages(pl.DataFrame(numbered, schema=schema, orient="row"))


def make_components(*sizes: int) -> tuple[Components, pl.Series]:
    """Return components of these sizes, numbered from 0, and the names of their images (`/c<id>/<n>.jpg`)."""
    members = [(component, n) for component, size in enumerate(sizes) for n in range(size)]
    images = pl.DataFrame(
        {"__id": range(len(members)), "component_id": [component for component, _ in members]},
        schema={"__id": pl.Int64, "component_id": pl.Int64},
    )
    scores = [0.9 if size > 1 else None for size in sizes]
    columns = {"component_id": range(len(sizes)), "count": sizes, "mean": scores, "min": scores, "max": scores}
    schema = {"component_id": pl.Int64, "count": pl.Int64, "mean": pl.Float64, "min": pl.Float64, "max": pl.Float64}
    info = pl.DataFrame(columns, schema=schema).sort("count", descending=True, maintain_order=True)
    names = pl.Series([f"/c{component}/{n}.jpg".encode() for component, n in members], dtype=pl.Binary)
    return Components(images, info), names


@dataclass
class Element:
    """A start tag."""

    tag: str
    attributes: dict[str, str | None]

    @property
    def classes(self) -> Sequence[str]:
        return (self.attributes.get("class") or "").split()


@dataclass
class Content:
    """What a browser shows of a page: all but its templates."""

    elements: list[Element] = field(default_factory=list)
    text: str = ""

    def find(self, class_name: str) -> list[Element]:
        return [element for element in self.elements if class_name in element.classes]

    def collect(self, attribute: str) -> list[str]:
        values = (element.attributes.get(attribute) for element in self.elements)
        return [value for value in values if value is not None]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.content = Content()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute is twice in <{tag}>"
        self.add(tag, attrs)
        if tag not in VOID_TAGS:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.add(tag, attrs)

    def add(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if "template" not in self.open:
            self.content.elements.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another tag"
        self.content.text += "" if tag in INLINE_TAGS else " "

    def handle_data(self, data: str) -> None:
        if not self.open or (self.open[-1] != "style" and "template" not in self.open):
            self.content.text += data


def read_page(page: str) -> Content:
    """Parse a page; fails on tags that do not nest and on text that is not UTF-8."""
    reader = _Reader()
    reader.feed(page.encode("utf-8").decode("utf-8"))
    reader.close()
    assert reader.open == [], "tags stay open"
    return reader.content


def read_words(page: str) -> str:
    """Return the text of a page with single spaces."""
    return " ".join(read_page(page).text.split())


def make_evidence(*rows: tuple[bytes, bytes, float, str, str, list[float] | None, float | None]) -> Evidence:
    """Return evidence of pairs: a, b, similarity, relation, kind, transform, residual."""
    given = ["a", "b", "similarity", "relation", "kind", "transform", "residual"]
    table = pl.DataFrame(list(rows), schema={name: EVIDENCE_SCHEMA[name] for name in given}, orient="row")
    others = [pl.lit(None, kind).alias(name) for name, kind in EVIDENCE_SCHEMA.items() if name not in given]
    return Evidence(table.with_columns(others).select(list(EVIDENCE_SCHEMA)), pl.DataFrame(schema=IMAGES_SCHEMA))


def make_groups(
    *groups: tuple[bytes, list[tuple[bytes, float, str, str]]], related: Sequence[tuple[int, bytes, float, str]] = ()
) -> Groups:
    """Return groups of a kept image and its copies (name, similarity, relation, kind).

    `related` has the number of a group, the name of the other image, similarity and relation.
    """
    ids = [f"g-{number:012x}" for number in range(len(groups))]
    rows = [
        row
        for group_id, (keep, copies) in zip(ids, groups, strict=True)
        for row in [
            (keep, group_id, "keep", keep, 1.0, "exact", "", "more pixels", "", None),
            *(
                (name, group_id, "copy", keep, score, relation, kind, "more bytes", "", None)
                for name, score, relation, kind in copies
            ),
        ]
    ]
    table = pl.DataFrame(rows, schema=GROUPS_SCHEMA, orient="row")
    group_of = {row[0]: row[1] for row in rows}
    others = [(ids[group], group_of.get(name, ""), name, score, relation) for group, name, score, relation in related]
    return Groups(table, pl.DataFrame(others, schema=RELATED_SCHEMA, orient="row"))
