"""COCO: annotations of removed images go to the entry of the kept one. Ids stay."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from dedup_assets.engine.core.errors import ExportError
from dedup_assets.engine.rewriting.replacing import NotCarried, Replacement, Replacements
from dedup_assets.engine.rewriting.shapes import SAME_IOU, Box, iou, keeps_boxes, move_box, move_points

_Object = dict[str, Any]


def rewrite_coco(content: bytes, replacements: Replacements) -> tuple[bytes, list[NotCarried]]:
    """A COCO file without the removed images.

    An image whose map is not known, or that the file names in a way that fits several images, stays as it is.

    Raises:
        ExportError: it is no COCO file.
    """
    try:
        found = json.loads(content)
        images = {each["id"]: dict(each) for each in found["images"]}
        annotations = [dict(each) for each in found.get("annotations", [])]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ExportError(f"it is no COCO file: {type(error).__name__}: {error}") from None
    rewriting = _CocoFile(images, annotations, replacements)
    rewriting.run()
    found["images"] = list(rewriting.images.values())
    found["annotations"] = rewriting.annotations
    return json.dumps(found, ensure_ascii=False).encode("utf-8", "surrogateescape"), rewriting.conflicts


class _CocoFile:
    def __init__(self, images: dict[Any, _Object], annotations: list[_Object], replacements: Replacements) -> None:
        self.images, self.annotations, self.conflicts = images, annotations, list[NotCarried]()
        self._replacements = replacements
        self._names = {key: replacements.find(str(each.get("file_name", ""))) for key, each in images.items()}
        self._entry = {name: key for key, name in reversed(self._names.items()) if name is not None}
        self._gone, self._added = set[int](), list[_Object]()
        self._by_image: dict[Any, list[_Object]] = {}
        for each in annotations:
            self._by_image.setdefault(each.get("image_id"), []).append(each)

    def run(self) -> None:
        for key, name in list(self._names.items()):
            replacement = self._replacements.by_name.get(name) if name is not None else None
            entry = self.images[key]
            if name is None or replacement is None:
                given = str(entry.get("file_name", ""))
                if name is None and (why := self._replacements.why_unclear(given)):
                    said = f"{why}; the image is left as it is"
                    self.conflicts.append(NotCarried(given, "", said, json.dumps(entry)))
                continue
            new = self._replacements.named_like(replacement.keep, entry["file_name"], name)
            mine = self._by_image.get(key, [])
            if replacement.map is None and mine:
                said = "no map between the two images is known; the image is left as it is"
                self.conflicts.append(NotCarried(entry["file_name"], new, said, json.dumps(entry)))
                continue
            self._move(key, mine, replacement, new)
        self.annotations = [each for each in self.annotations if id(each) not in self._gone] + self._added

    def _move(self, key: Any, mine: list[_Object], replacement: Replacement, new: str) -> None:  # noqa: ANN401
        old, size = self.images[key]["file_name"], self._replacements.sizes.get(replacement.keep)
        target = self._entry.get(replacement.keep)
        there = list(self._by_image.get(target, [])) if target is not None else []
        if target is None:  # the entry itself becomes that of the kept image, with its id
            target = key
            self._entry[replacement.keep] = key
            self.images[key] |= {"file_name": new}
            if size is not None:
                self.images[key] |= {"width": size[0], "height": size[1]}
        else:
            del self.images[key]
        kept = self._by_image[target] = there
        for each in mine:
            self._gone.add(id(each))
            moved = _moved(each, replacement, size)
            reason = moved if isinstance(moved, str) else _against(moved, there)
            if reason:
                self.conflicts.append(NotCarried(old, new, reason, json.dumps(each)))
            elif isinstance(moved, dict) and not any(_is_same(moved, other) for other in there):
                moved["image_id"] = target
                self._added.append(moved)
                kept.append(moved)


def _moved(annotation: _Object, replacement: Replacement, size: tuple[int, int] | None) -> _Object | str:
    """An annotation on the kept image; or why it cannot be there, in words."""
    moved, map_ = dict(annotation), replacement.map
    if map_ is None or np.array_equal(map_, np.eye(3)):
        return moved
    polygons = annotation.get("segmentation")
    if isinstance(polygons, dict):
        return "a mask of runs (RLE) is not mapped onto another image"
    if polygons:
        points = [move_points(each, map_) for each in polygons]
        moved["segmentation"] = [[round(value, 3) for value in each.ravel().tolist()] for each in points]
    if "keypoints" in annotation:
        marks = np.asarray(annotation["keypoints"], np.float64).reshape(-1, 3)
        marks[:, :2] = np.where(marks[:, 2:] > 0, move_points(marks[:, :2].ravel().tolist(), map_), 0)
        moved["keypoints"] = [round(value, 3) for value in marks.ravel().tolist()]
    if "area" in annotation:
        moved["area"] = round(float(annotation["area"] * abs(np.linalg.det(map_[:2, :2]))), 3)
    if (box := _box(annotation)) is None:
        return moved
    if polygons:
        corners = np.concatenate(points)
        found: Box | None = move_box((*corners.min(0).tolist(), *corners.max(0).tolist()), np.eye(3), size)
    elif not keeps_boxes(map_):
        return "the images are turned against each other by other than 90 degrees, which takes a box to no box"
    else:
        found = move_box(box, map_, size)
    if found is None:
        return "the kept image shows too little of it"
    left, top, right, bottom = found
    moved["bbox"] = [round(value, 3) for value in (left, top, right - left, bottom - top)]
    return moved


def _box(annotation: Mapping[str, Any]) -> Box | None:
    given = annotation.get("bbox")
    return (given[0], given[1], given[0] + given[2], given[1] + given[3]) if given else None


def _overlap(one: _Object, other: _Object) -> bool:
    first, second = _box(one), _box(other)
    if first is None or second is None:
        return all(one.get(key) == other.get(key) for key in ("segmentation", "bbox", "caption"))
    return iou(first, second) >= SAME_IOU


def _is_same(one: _Object, other: _Object) -> bool:
    return one.get("category_id") == other.get("category_id") and _overlap(one, other)


def _against(moved: _Object, there: list[_Object]) -> str:
    """Why an annotation contradicts those of the kept image; empty if it does not."""
    if any(_is_same(moved, other) for other in there):
        return ""
    if other := next((each for each in there if _box(moved) and _box(each) and _overlap(moved, each)), None):
        return f"annotation {other.get('id')} of the kept image has the class {other.get('category_id')} there"
    return ""
