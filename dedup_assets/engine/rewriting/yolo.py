"""YOLO: a folder of text files, one per image, with a class and a box or polygon a line, in shares of the image."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from dedup_assets.engine.rewriting.replacing import NotCarried, Replacement, Replacements, Size
from dedup_assets.engine.rewriting.shapes import SAME_IOU, Box, iou, keeps_boxes, move_box, move_points

_BOX_VALUES = 4
_Shape = tuple[str, list[float]]


def rewrite_yolo(folder: Path, replacements: Replacements) -> tuple[dict[str, bytes], list[NotCarried]]:
    """The files of a folder of labels, rewritten, by their paths in it. What is no label of an image stays as it is."""
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.txt"))}
    rewriting = _YoloFolder(files, replacements)
    rewriting.run()
    return rewriting.files, rewriting.conflicts


class _YoloFolder:
    def __init__(self, files: Mapping[str, bytes], replacements: Replacements) -> None:
        self.files, self.conflicts = dict(files), list[NotCarried]()
        self._replacements = replacements
        names = {*replacements.by_name, *(each.keep for each in replacements.by_name.values())}
        self._by_stem: dict[str, list[bytes]] = {}
        for name in names:
            stem = PurePosixPath(name.decode("utf-8", "surrogateescape")).stem
            self._by_stem.setdefault(stem, []).append(name)

    def run(self) -> None:
        named = {path: name for path in self.files if (name := self._image_of(path)) is not None}
        place = {name: path for path, name in named.items()}
        for path, name in named.items():
            replacement = self._replacements.by_name.get(name)
            if replacement is None:
                continue
            target = place.get(replacement.keep) or self._path_of(replacement.keep, name, path)
            reason = self._why_not(name, replacement, target)
            if reason:
                text = self.files[path].decode("utf-8", "replace")
                self.conflicts.append(NotCarried(path, target or "", f"{reason}; the file is left as it is", text))
                continue
            assert target is not None  # noqa: S101 - a reason is given otherwise
            place[replacement.keep] = target
            self._move(path, target, name, replacement)

    def _image_of(self, path: str) -> bytes | None:
        """The image of a file of labels: the one whose path ends as that of the file, or has its stem alone."""
        stem = path.removesuffix(".txt")
        names = self._by_stem.get(stem.rpartition("/")[2], [])
        end = stem.removeprefix("labels/")
        ends = [name for name in names if _without_ending(name).endswith(f"/{end}")]
        return ends[0] if len(ends) == 1 else None

    @staticmethod
    def _path_of(keep: bytes, name: bytes, path: str) -> str | None:
        end = path.removesuffix(".txt").removeprefix("labels/")
        top = _without_ending(name).removesuffix(end)
        here = _without_ending(keep)
        start = "labels/" if path.startswith("labels/") else ""
        return f"{start}{here.removeprefix(top)}.txt" if here.startswith(top) else None

    def _why_not(self, name: bytes, replacement: Replacement, target: str | None) -> str:
        if target is None:
            return "the kept image lies outside of the folder of the images"
        if replacement.map is None:
            return "no map between the two images is known"
        sizes = (self._replacements.sizes.get(each) for each in (name, replacement.keep))
        if None in sizes and not np.array_equal(replacement.map, np.eye(3)):
            return "the sizes of the two images are not known"
        return ""

    def _move(self, path: str, target: str, name: bytes, replacement: Replacement) -> None:
        lines = self.files.pop(path).decode("utf-8", "replace").splitlines()
        there = self.files.get(target, b"").decode("utf-8", "replace").splitlines()
        sizes = (self._replacements.sizes.get(name, (1, 1)), self._replacements.sizes.get(replacement.keep, (1, 1)))
        shapes = [shape for line in there if (shape := _parsed(line))]
        for line in filter(str.strip, lines):
            shape = _parsed(line)
            moved = _moved(shape, replacement, *sizes) if shape else "no label of YOLO"
            reason = moved if isinstance(moved, str) else _against(moved, shapes)
            if reason:
                self.conflicts.append(NotCarried(path, target, reason, line))
            elif isinstance(moved, tuple) and not any(_is_same(moved, other) for other in shapes):
                is_as_before = shape is not None and moved[1] == shape[1]
                there.append(line if is_as_before else f"{moved[0]} {' '.join(f'{each:.6f}' for each in moved[1])}")
                shapes.append(moved)
        self.files[target] = "".join(f"{line}\n" for line in there).encode("utf-8")


def _without_ending(name: bytes) -> str:
    text = name.decode("utf-8", "surrogateescape")
    return text[: len(text) - len(PurePosixPath(text).suffix)]


def _parsed(line: str) -> _Shape | None:
    kind, *given = line.split()
    try:
        values = [float(each) for each in given]
    except ValueError:
        return None
    return (kind, values) if len(values) == _BOX_VALUES or (len(values) > _BOX_VALUES and not len(values) % 2) else None


def _moved(shape: _Shape, replacement: Replacement, size: Size, kept_size: Size) -> _Shape | str:
    kind, values = shape
    map_ = replacement.map
    if map_ is None or np.array_equal(map_, np.eye(3)):
        return shape
    if len(values) > _BOX_VALUES:
        points = move_points((np.asarray(values).reshape(-1, 2) * size).ravel().tolist(), map_)
        return kind, (points / kept_size).clip(0, 1).ravel().tolist()
    if not keeps_boxes(map_):
        return "the images are turned against each other by other than 90 degrees, which takes a box to no box"
    box = move_box(_scaled(_box(shape), size), map_, kept_size)
    if box is None:
        return "the kept image shows too little of it"
    left, top, right, bottom = box
    middle = [(left + right) / 2 / kept_size[0], (top + bottom) / 2 / kept_size[1]]
    return kind, [*middle, (right - left) / kept_size[0], (bottom - top) / kept_size[1]]


def _box(shape: _Shape) -> Box:
    values = shape[1]
    if len(values) > _BOX_VALUES:
        points = np.asarray(values).reshape(-1, 2)
        (left, top), (right, bottom) = points.min(0).tolist(), points.max(0).tolist()
        return left, top, right, bottom
    x, y, width, height = values
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _scaled(box: Box, size: Size) -> Box:
    return box[0] * size[0], box[1] * size[1], box[2] * size[0], box[3] * size[1]


def _is_same(one: _Shape, other: _Shape) -> bool:
    return one[0] == other[0] and iou(_box(one), _box(other)) >= SAME_IOU


def _against(moved: _Shape, there: Sequence[_Shape]) -> str:
    if any(_is_same(moved, other) for other in there):
        return ""
    other = next((each for each in there if iou(_box(moved), _box(each)) >= SAME_IOU), None)
    return f"the kept image has the class {other[0]} there" if other else ""
