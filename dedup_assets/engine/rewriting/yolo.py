"""YOLO: a folder of text files, one per image, with a class and a box or polygon a line, in shares of the image."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from dedup_assets.engine.rewriting.replacing import Map, NotCarried, Replacement, Replacements, Size, why_one_of
from dedup_assets.engine.rewriting.shapes import SAME_IOU, Box, iou, keeps_boxes, move_box, move_points

_BOX_VALUES = 4
_LABELS, _IMAGES = "labels/", "images/"
_SAME_SHARE = 0.001  # of the side of an image: two maps that differ by less are one
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
        self._by_stem: dict[str, list[bytes]] = {}
        for name in replacements.names:
            stem = _without_ending(name).rpartition("/")[2]
            self._by_stem.setdefault(stem, []).append(name)

    def run(self) -> None:
        named = {path: names for path in self.files if (names := self._images_of(path))}
        sure = {path: names for path, names in named.items() if len(set(map(_without_ending, names))) == 1}
        place = {name: path for path, names in sure.items() for name in names}
        for path, names in named.items():
            going = self._going(names)
            if not going or self._is_of_what_stays(names):
                continue
            name = next(iter(going))
            keep = going[name].keep
            target = place.get(keep) or _path_of(keep, name, path)
            reason = self._why_not(names, going, target)
            if reason:
                text = self.files[path].decode("utf-8", "replace")
                self.conflicts.append(NotCarried(path, target or "", f"{reason}; the file is left as it is", text))
                continue
            assert target is not None  # noqa: S101 - a reason is given otherwise
            place[keep] = target
            self._move(path, target, name, going[name])

    def _images_of(self, path: str) -> list[bytes]:
        """The images that a file of labels may be of: their paths end as its own does, or have its stem alone.

        A label says nothing of the image's ending: it is of all files of a shot, a JPEG with its raw file or film.
        """
        end = _image_end(path)
        names = self._by_stem.get(end.rpartition("/")[2], [])
        return sorted(name for name in names if _without_ending(name).endswith(f"/{end}"))

    def _going(self, names: Sequence[bytes]) -> Mapping[bytes, Replacement]:
        """The replacements of those that go; without other halves of shots, which go where their image does."""
        going = {name: found for name in names if (found := self._replacements.by_name.get(name)) is not None}
        return {name: each for name, each in going.items() if not each.is_half} or going

    def _is_of_what_stays(self, names: Sequence[bytes]) -> bool:
        """Whether all images that a file may be of are one afterwards, which it already names."""
        after = self._stems_after(names)
        return len(after) == 1 and after <= {_without_ending(name) for name in names}

    def _stems_after(self, names: Sequence[bytes]) -> set[str]:
        by_name = self._replacements.by_name
        return {_without_ending(by_name[name].keep if name in by_name else name) for name in names}

    def _in_shares(self, name: bytes, replacement: Replacement) -> Map:
        """The map from shares of an image to shares of the kept one."""
        assert replacement.map is not None  # noqa: S101 - asked before
        here, there = (self._replacements.sizes.get(each, (1, 1)) for each in (name, replacement.keep))
        found: Map = np.diag([1 / there[0], 1 / there[1], 1]) @ replacement.map @ np.diag([*here, 1])
        return np.eye(3) if np.array_equal(replacement.map, np.eye(3)) else found / found[2, 2]

    def _why_not(self, names: Sequence[bytes], going: Mapping[bytes, Replacement], target: str | None) -> str:
        if len(self._stems_after(names)) > 1:
            return why_one_of(names)
        if target is None:
            return "the kept image lies outside of the folder of the images"
        for name, replacement in going.items():
            if replacement.map is None:
                return "no map between the two images is known"
            sizes = (self._replacements.sizes.get(each) for each in (name, replacement.keep))
            if None in sizes and not np.array_equal(replacement.map, np.eye(3)):
                return "the sizes of the two images are not known"
        maps = [self._in_shares(name, each) for name, each in going.items()]
        return "" if all(np.allclose(maps[0], each, atol=_SAME_SHARE) for each in maps) else why_one_of(names)

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


def _image_end(path: str) -> str:
    """How the path of an image ends whose labels are in a file: train/labels/a.txt is of train/images/a.jpg."""
    stem = path.removesuffix(".txt")
    if stem.startswith(_LABELS):
        return stem.removeprefix(_LABELS)
    above, found, leaf = stem.rpartition(f"/{_LABELS}")
    return f"{above}/{_IMAGES}{leaf}" if found else stem


def _path_of(keep: bytes, name: bytes, path: str) -> str | None:
    """The file of labels of the kept image, beside one of another image; None if it has no place in the folder."""
    top, here = _without_ending(name).removesuffix(_image_end(path)), _without_ending(keep)
    if not here.startswith(top):
        return None
    end = here.removeprefix(top)
    if path.startswith(_LABELS):
        return f"{_LABELS}{end}.txt"
    if f"/{_LABELS}" not in path:
        return f"{end}.txt"
    above, found, leaf = end.rpartition(f"/{_IMAGES}")
    return f"{above}/{_LABELS}{leaf}.txt" if found else None


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
