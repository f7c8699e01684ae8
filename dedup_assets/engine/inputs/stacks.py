"""Files that belong to an image, beside it: they go with it, or it stays.

Sidecars hold what was noted of an image: XMP, edits of Apple (AAE), JSON of Google Takeout, settings of raw converters,
captions of training sets, text or JSON of its stem. Some programs put them into a folder of their own beside the image,
others note all images of a folder in one file. Streams are what file systems keep of a file elsewhere.
Other halves are the raw file of a JPEG, and the film of a Live Photo.
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from dedup_assets.engine.inputs.kinds import EXTRAS, IMAGE_EXTENSIONS, VIDEO_EXTENSIONS

_RAW = frozenset().union(*(extra.extensions for extra in EXTRAS if extra.name == "raw"))
_STILLS = frozenset(b".jpg .jpeg .jpe .heic .heif".split())
_FILMS = frozenset((b".mov", b".mp4"))
_OTHERS = {**dict.fromkeys(_STILLS, _RAW | _FILMS), **dict.fromkeys(_RAW | _FILMS, _STILLS)}
_MEDIA = IMAGE_EXTENSIONS | VIDEO_EXTENSIONS | frozenset().union(*(extra.extensions for extra in EXTRAS))
_OF_STEM = frozenset(
    b".xmp .aae .txt .md .caption .json .xml .yml .yaml .mie .exv .gpx .pp3 .arp .dop .on1 .onphoto .vrd .dr4 .cos "
    b".comask .nks .nksc .acr .photo-edit .lmnr .psxprj .acdc .apd .data-zps .ufraw .phos .spd .exposurex4 .exposurex5 "
    b".exposurex6 .exposurex7 .thm .lrv .wav .mp3 .m4a".split()
)
_OF_NAME = (b"_original", b".out.pp3", b".out.arp")  # the file before exiftool; what RawTherapee or ART made it with
_VERSION = re.compile(rb"_\d\d+\Z")  # of darktable: IMG_01.jpg.xmp is a second one of IMG.jpg
_AFTER_NAME = re.compile(rb"[.@]")
_APPLE = re.compile(rb"img_(?=\d+\Z)", re.IGNORECASE)  # IMG_O1234.AAE belongs to IMG_1234
_FOLDERS = {
    b".comments": (b".xml",),  # gThumb
    b".metadata": (b".meta", b".gq.xmp"),  # Geeqie
    b".photoprism": (b".yml", b".xmp", b".json"),
    b".picasaoriginals": (b"",),  # the picture before its edits
    b"NKSC_PARAM": (b".nksc",),  # Nikon
    b"SILKYPIX_DS": (b".spd",),
    b"CaptureOne": (b".cos", b".comask"),
    b"Exposure Software": (b".exposurex4", b".exposurex5", b".exposurex6", b".exposurex7"),
    b"@eaDir": (b"@synoeastream", b"@synoresource"),  # Synology: attributes and resources of files
    b".AppleDouble": (b"",),  # netatalk: the same
}
_STREAMS = frozenset({b"@eaDir", b".AppleDouble"})
_STREAM = b"._"  # of macOS, on disks that have no attributes
_OF_FOLDER = frozenset({b".picasa.ini", b"picasa.ini", b"descript.ion"})
_ORIGINALS = (b"[Originals]", b"[Originale]", b"[Developed]")  # ACDSee: pictures before their edits, and the edits
_WITH_FOLDERS = frozenset({b"CaptureOne", b"Exposure Software"})  # which hold one for each release
_TAKEOUT = b".supplemental-metadata"  # cut anywhere, because names have at most 51 characters
_TAKEOUT_LETTERS = 46
_LEAST_LETTERS = 3  # by which files of Takeout are looked up


@dataclass(frozen=True)
class Beside:
    """What belongs to an image.

    Attributes:
        sidecars: what each holds by its name: `*.xmp` of the image itself, `.xmp` of its stem, `.cr2.xmp` of its other
            half, `.json` of Google Takeout, `.comments/*.xml` of gThumb, and so on.
        halves: the extension of each other half of the shot, by its name.
        shared: as `sidecars`, of those that stay where they are: other images of its stem have them, too, or they are
            images themselves, which ACDSee keeps of an edited one.
        streams: as `sidecars`, of what a file system keeps of it: times and attributes, which no two files share.
    """

    sidecars: Mapping[bytes, bytes]
    halves: Mapping[bytes, bytes]
    shared: Mapping[bytes, bytes]
    streams: Mapping[bytes, bytes]

    @property
    def notes(self) -> Mapping[bytes, bytes]:
        """All sidecars, shared or not."""
        return {**self.sidecars, **self.shared}

    @property
    def names(self) -> list[bytes]:
        """All that go with the image."""
        return sorted([*self.sidecars, *self.halves, *self.streams])


_NOTHING = Beside({}, {}, {}, {})


class Stacks:
    """Looks for what belongs to images, and lists each folder once.

    Args:
        list_folder: gives the names of the files in a folder, without the folder.
    """

    def __init__(self, list_folder: Callable[[bytes], Iterable[bytes]]) -> None:
        self._list_folder = list_folder
        self._folders: dict[bytes, _Neighbours] = {}
        self._within: dict[bytes, Sequence[bytes]] = {}
        self._by_image: dict[bytes, Mapping[bytes, list[bytes]]] = {}

    def beside(self, name: bytes) -> Beside:
        """What belongs to an image.

        Raises:
            OSError: the folder cannot be listed.
        """
        found, top, leaf = self._around(name)
        if found.is_alone(leaf):
            return _NOTHING
        shot = found.shot(leaf)
        halves = {top + each: _ending(each) for each in shot if each != leaf}
        own = {top + each: kind for each, kind in found.sidecars(leaf, shot)}
        streams: dict[bytes, bytes] = {}
        for image in shot:
            called = b"*" if image == leaf else _ending(image)
            for program, each, kind in self._in_folders(top, image, called):
                (streams if program in _STREAMS else own)[each] = kind
            streams |= {top + each: _STREAM + called for each in found.streams(image)}
        shared = {top + each: _ending(each) for each in found.of_stem(leaf)} if found.is_shared(leaf, shot) else {}
        return Beside(own, halves, shared | self._originals(top, leaf), streams)

    def notes_of_folder(self, name: bytes) -> list[bytes]:
        """The files in which programs note all images of the folder of this one. Raises OSError as `beside` does."""
        found, top, _ = self._around(name)
        return [top + each for each in found.notes_of_folder]

    def _around(self, name: bytes) -> tuple["_Neighbours", bytes, bytes]:
        """The files in the folder of an image, that folder with a slash, and its name without it."""
        folder, _, leaf = name.rpartition(b"/")
        if folder not in self._folders:
            self._folders[folder] = _Neighbours(tuple(self._list_folder(folder)))
        return self._folders[folder], folder + b"/", leaf

    def _in_folders(self, top: bytes, image: bytes, called: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
        """The sidecars of an image in folders that programs keep beside it: the program, the name, what it holds."""
        for place in self._folders_of_programs(top):
            program = place.removeprefix(top).split(b"/")[0]
            for leaf in self._named_within(place).get(image, ()):
                rest = leaf[len(image) :].lower()
                if rest.endswith(_FOLDERS[program]):
                    yield program, place + b"/" + leaf, program + b"/" + called + rest

    def _originals(self, top: bytes, leaf: bytes) -> dict[bytes, bytes]:
        """What ACDSee keeps of an image that was edited."""
        found: dict[bytes, bytes] = {}
        for place in self._folders[top[:-1]].originals:
            folder = top + place
            if folder not in self._folders:
                self._folders[folder] = _Neighbours(self._list_within(folder))
            leaves = self._folders[folder].of_same_stem(leaf)
            found |= {folder + b"/" + each: place + b"/" + _ending(each) for each in leaves}
        return found

    def _folders_of_programs(self, top: bytes) -> Iterator[bytes]:
        for program in self._folders[top[:-1]].programs:
            if program in _WITH_FOLDERS:
                yield from (top + program + b"/" + each for each in self._list_within(top + program))
            else:
                yield top + program

    def _list_within(self, folder: bytes) -> Sequence[bytes]:
        if folder not in self._within:
            try:
                self._within[folder] = sorted(self._list_folder(folder))
            except NotADirectoryError:
                self._within[folder] = ()
        return self._within[folder]

    def _named_within(self, folder: bytes) -> Mapping[bytes, list[bytes]]:
        """The files of a folder by each beginning that may be the name of an image."""
        if folder not in self._by_image:
            found: dict[bytes, list[bytes]] = {}
            for leaf in self._list_within(folder):
                for image in {leaf, *(leaf[: each.start()] for each in _AFTER_NAME.finditer(leaf))}:
                    found.setdefault(image, []).append(leaf)
            self._by_image[folder] = found
        return self._by_image[folder]


@dataclass(frozen=True)
class _Neighbours:
    """The files of one folder."""

    leaves: Sequence[bytes]

    @cached_property
    def _by_stem(self) -> Mapping[bytes, list[bytes]]:
        found: dict[bytes, list[bytes]] = {}
        for leaf in sorted(self.leaves):
            found.setdefault(_stem(leaf), []).append(leaf)
        return found

    @cached_property
    def programs(self) -> Sequence[bytes]:
        """Folders in which programs keep sidecars."""
        return sorted(_FOLDERS.keys() & set(self.leaves))

    @cached_property
    def originals(self) -> Sequence[bytes]:
        """Folders in which ACDSee keeps what was before edits."""
        return [each for each in _ORIGINALS if each in self._names]

    @cached_property
    def notes_of_folder(self) -> Sequence[bytes]:
        """Files in which programs note all images of the folder."""
        return sorted(each for each in self.leaves if each.lower() in _OF_FOLDER)

    @cached_property
    def _by_version(self) -> Mapping[bytes, list[bytes]]:
        """Further versions that darktable keeps of an image, by its name; none of images that have such a name."""
        found: dict[bytes, list[bytes]] = {}
        for leaf in self._by_ending(b".xmp"):
            stem, ending = _split(leaf[: -len(b".xmp")])
            plain = _VERSION.sub(b"", stem)
            if plain != stem and ending and stem + ending not in self._names:
                found.setdefault(plain + ending, []).append(leaf)
        return found

    @cached_property
    def _names(self) -> frozenset[bytes]:
        return frozenset(self.leaves)

    def _by_ending(self, ending: bytes) -> Iterator[bytes]:
        return (leaf for leaf in sorted(self.leaves) if _ending(leaf) == ending)

    @cached_property
    def _json(self) -> Mapping[bytes, list[bytes]]:
        """Files of Takeout by the first letters of their names."""
        found: dict[bytes, list[bytes]] = {}
        for leaf in self._by_ending(b".json"):
            found.setdefault(leaf[:_LEAST_LETTERS], []).append(leaf)
        return found

    def _edits_of_apple(self, stem: bytes) -> list[bytes]:
        """IMG_O1234.AAE of IMG_1234: edits that were there before the last ones."""
        found = _APPLE.sub(b"img_o", stem)
        return [each for each in self._by_stem.get(found, ()) if found != stem and _ending(each) == b".aae"]

    @cached_property
    def _alone(self) -> frozenset[bytes] | None:
        """The images of a stem of their own in a folder without a file that may belong to one; None for other folders.

        Sub-folders mostly have no ending.
        """
        if self.programs or self.originals or any(map(_may_belong, self.leaves)):
            return None
        stems = Counter(map(_stem, self.leaves))
        return frozenset(leaf for leaf in self.leaves if stems[_stem(leaf)] == 1)

    def is_alone(self, leaf: bytes) -> bool:
        """Whether no name of another file can belong to an image; most images are alone, and this is quick to say."""
        if self._alone is not None:
            return leaf in self._alone
        is_named = leaf.lower() in self._by_stem or leaf[:_LEAST_LETTERS] in self._json or leaf in self._by_version
        if self._by_stem.get(_stem(leaf)) != [leaf] or is_named or self.programs or self.originals:
            return False
        if self.streams(leaf):
            return False
        return not self._edits_of_apple(_stem(leaf)) and not any(leaf + after in self._names for after in _OF_NAME)

    def shot(self, leaf: bytes) -> list[bytes]:
        """An image with its other halves, and theirs."""
        shot, left = [leaf], list(self._by_stem.get(_stem(leaf), ()))
        for each in shot:
            wanted = _OTHERS.get(_ending(each), frozenset())
            shot += [other for other in left if _ending(other) in wanted and other not in shot]
        return shot

    def streams(self, leaf: bytes) -> list[bytes]:
        """What macOS keeps of a file beside it."""
        return [each for each in (_STREAM + leaf,) if each in self._names]

    def of_same_stem(self, leaf: bytes) -> Sequence[bytes]:
        """The files that have the stem of an image."""
        return self._by_stem.get(_stem(leaf), ())

    def of_stem(self, leaf: bytes) -> list[bytes]:
        """The sidecars that have the stem of an image."""
        return [each for each in self.of_same_stem(leaf) if _ending(each) in _OF_STEM]

    def is_shared(self, leaf: bytes, shot: Sequence[bytes]) -> bool:
        """Whether its stem is that of images of other shots, too."""
        return any(each not in shot and _ending(each) in _MEDIA for each in self._by_stem.get(_stem(leaf), ()))

    def sidecars(self, leaf: bytes, shot: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """The sidecars of a shot, with what each holds for one image of it."""
        if not self.is_shared(leaf, shot):
            yield from ((each, _ending(each)) for each in self.of_stem(leaf))
            yield from ((each, b"o.aae") for each in self._edits_of_apple(_stem(leaf)))
        for image in shot:
            of_it = (each for each in self._by_stem.get(image.lower(), ()) if _ending(each) in _OF_STEM)  # IMG.jpg.xmp
            yield from ((each, (b"*" if image == leaf else _ending(image)) + _ending(each)) for each in of_it)
            named = b"*" if image == leaf else _ending(image)
            yield from ((image + after, named + after) for after in _OF_NAME if image + after in self._names)
            stem = _split(image)[0]
            yield from ((each, named + each[len(stem) :]) for each in self._by_version.get(image, ()))
            json = (each for each in self._json.get(image[:_LEAST_LETTERS], ()) if _is_takeout(each, image))
            yield from ((each, (b"" if image == leaf else _ending(image)) + b".json") for each in json)


def _is_takeout(json: bytes, leaf: bytes) -> bool:
    """Whether Google Takeout notes an image there: IMG.jpg.json, cut names, IMG.jpg(1).json of IMG(1).jpg."""
    stem, ending = _split(leaf)
    named, number = json[: -len(b".json")], b""
    if stem.endswith(b")") and b"(" in stem:
        plain, _, inside = stem.rpartition(b"(")
        if inside[:-1].isdigit():
            number = b"(" + inside
            if named.endswith(number) and _is_cut(named[: -len(number)], plain + ending):
                return True
    return _is_cut(named, leaf)


def _is_cut(named: bytes, leaf: bytes) -> bool:
    whole = leaf + _TAKEOUT
    is_long = len(leaf.decode("utf-8", "replace")) >= _TAKEOUT_LETTERS
    letters = len(named.decode("utf-8", "replace"))
    return whole.startswith(named) and (len(named) >= len(leaf) or (is_long and letters == _TAKEOUT_LETTERS))


def _stem(leaf: bytes) -> bytes:
    return _split(leaf)[0].lower()


def _ending(leaf: bytes) -> bytes:
    return _split(leaf)[1].lower()


def _may_belong(leaf: bytes) -> bool:
    """Whether a name may be that of a file that belongs to an image, and is no other half of its shot."""
    ending = _ending(leaf)
    return leaf.startswith(_STREAM) or leaf.endswith(_OF_NAME) or not (ending in _MEDIA or not ending)


def _split(leaf: bytes) -> tuple[bytes, bytes]:
    dot = leaf.rfind(b".")
    if dot > 0 and not leaf.startswith(b"."):  # nearly every name, and a collection has a hundred thousand
        return leaf[:dot], leaf[dot:]
    return os.path.splitext(leaf)  # noqa: PTH122 - a Path of bytes does not exist
