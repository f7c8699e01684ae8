"""Galleries of real pictures with hostile names."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from dedup_assets.engine.core.records import Components, Gallery
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.gallery.building import build_gallery
from dedup_assets.engine.gallery.found import Results
from dedup_assets.engine.gallery.pages import Uncompared
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.gallery_files import write_gallery
from dedup_assets_tests.support.gallery_pages import make_bad, make_evidence, make_groups, make_pairs
from dedup_assets_tests.support.pictures import photo_like

HOSTILE = [
    b"<img src=x onerror=alert(1)>.jpg", b"</script><script>alert(1)<!--.jpg", b"\xff\xfe latin\xe9.jpg",
    b"two\nlines.jpg", "rtl\u202egpj.exe.jpg".encode(), "sep\u2028\u2029.jpg".encode(), b"' onload='alert(1)' x=\".jpg",
    b"%41#a?b=c&d;e.jpg", "写真 📷.jpg".encode(), b"{{ 7*7 }}${1}`.jpg",
]  # fmt: skip


def save_pictures(folder: Path, names: Sequence[bytes] = HOSTILE, side: int = 64) -> list[bytes]:
    """Save a picture under each name; names 1 and 2, 3 and 4 ... are copies, the second larger. Returns the paths."""
    paths = [os.path.join(os.fsencode(folder), name) for name in names]  # noqa: PTH118 - a Path of bytes does not exist
    for place, path in enumerate(paths):
        larger = 2 if place % 2 else 1
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - likewise
        with open(path, "wb") as file:  # noqa: PTH123 - likewise
            photo_like(place // 2).resize((side * larger, 48 * larger)).save(file, "JPEG")
        os.utime(path, (1_700_000_000 + place, 1_700_000_000 + place))
    return paths


def make_results(names: Sequence[bytes], **more: Any) -> Results:
    """Results in which names 1 and 2, 3 and 4 ... are pairs and components, and the last name is an outlier."""
    pairs = [(names[n], names[n + 1], 1 - n / 100) for n in range(0, len(names) - 1, 2)]
    ids = range(len(names))
    images = pl.DataFrame({"__id": ids, "component_id": [n // 2 for n in ids]})
    groups = range(len(pairs))
    tied = [score for _, _, score in pairs]
    columns = {"component_id": groups, "count": [2] * len(pairs), "mean": tied, "min": tied, "max": tied}
    return Results(
        names=pl.Series(names, dtype=pl.Binary),
        bad=make_bad(
            (names[0] + b".bad", "ERROR_CORRUPT_IMAGE", 5, "<b>why</b>"), (b"/empty.jpg", "ERROR_ZERO", 0, "")
        ),
        pairs=make_pairs(*pairs),
        components=Components(images, pl.DataFrame(columns)),
        outliers=make_pairs((names[-1], names[0], 0.1)),
        uncompared=Uncompared({".txt": 3}),
        **more,
    )


def make_proven_results(names: Sequence[bytes], **more: Any) -> Results:
    """As `make_results` of ten names, with evidence: three groups, then a pair of variants, then an unverified pair."""
    found = make_results(names, **more)
    relations = ["copy", "pixels", "exact", "variant", "unverified"]
    kinds = ["resized to 50 %, text or overlay added", "", "", "text or overlay added", ""]
    pairs = [(names[n], names[n + 1], 1 - n / 100) for n in range(0, len(names) - 1, 2)]
    rows = []
    for (small, large, score), relation, kind in zip(pairs, relations, kinds, strict=True):
        a, b = sorted([small, large])
        scale = 2.0 if a == large else 0.5
        transform = None if relation == "unverified" else [scale, 0, 0, 0, scale, 0, 0, 0, 1]
        rows.append((a, b, score, relation, kind, transform, 0.2 if "text" in kind else 0.0))
    groups = [
        (large, [(small, score, relation, kind)])
        for (small, large, score), relation, kind in zip(pairs[:3], relations, kinds, strict=False)
    ]
    related = [(0, names[6], 0.6, "variant"), (0, names[2], 0.5, "unverified")]
    return replace(found, evidence=make_evidence(*rows), groups=make_groups(*groups, related=related))


def make_gallery(work_dir: Path, results: Results, **settings: Any) -> Gallery:
    """Build and write a gallery; its folder is `work_dir/gallery`."""
    gallery = build_gallery(results, Settings(work_dir=str(work_dir), num_threads=2, **settings))
    write_gallery(WorkDir(str(work_dir)), gallery)
    return gallery
