"""Looks and comparisons in a decoding process: pixels stay here, and only what they prove travels.

A process keeps the looks that it made last, so that the pairs of an image decode it once.
"""

import hashlib
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.freed_memory import return_freed_memory
from dedup_assets.engine.core.match_records import Relation
from dedup_assets.engine.core.records import BoundingBox, Source
from dedup_assets.engine.decoders.messages import LOOKS_KEPT, box_of, limits_of, sources_of
from dedup_assets.engine.decoders.received import Answer, checked, files_of
from dedup_assets.engine.pictures.codecs.metadata import read_provenance
from dedup_assets.engine.pictures.decoding import DecodingLimits, ResizablePicture, decode, image_size
from dedup_assets.engine.pictures.frames import count_frames
from dedup_assets.engine.workers.serving import Job

if TYPE_CHECKING:  # numpy's linear algebra and the rest of `evidence` are loaded with the first look
    from dedup_assets.engine.decoders.origins import CopyFile
    from dedup_assets.engine.evidence.comparing import Finding
    from dedup_assets.engine.evidence.jpeg_grid import Turn
    from dedup_assets.engine.evidence.look import Look

_JPEG = b"\xff\xd8\xff"
_CONTENT, _IS_JPEG = 3, 6  # places in the answer to a look
_SMALL_FILE = 1 << 20  # bytes of a file that is kept with its look, so that it is decoded again only if that is needed
_LARGE_PIXELS = 1 << 20  # of a picture whose detail is measured in a tenth of the time that decoding takes
_kept: "OrderedDict[int, _Kept]" = OrderedDict()
_session: list[str] = [""]


class _Kept(NamedTuple):
    """A look, the answer that describes its file, and the file: where it is read, or its bytes unless it is large."""

    look: "Look"
    fields: list[Any]
    file: Source | bytes | None

    @property
    def content(self) -> str:
        """SHA-256 of the file."""
        return str(self.fields[_CONTENT])

    @property
    def is_jpeg(self) -> bool:
        """Whether the file is a JPEG."""
        return bool(self.fields[_IS_JPEG])


def look(job: Job) -> Iterator[list[Any]]:
    """See `messages.look_request`."""
    _begin(job.request["session"])
    keys, sources = job.request["keys"], sources_of(job.request)
    known = {key: _kept[key] for key in keys if key in _kept}
    files = files_of(
        job, [source for key, source in zip(keys, sources, strict=True) if source is None or key not in known]
    )
    box, limits = box_of(job.request), limits_of(job.request)
    for key, source in zip(keys, sources, strict=True):
        file = None if source is not None and key in known else next(files)
        with Answer() as answer:
            kept = known[key] if key in known or file is None else _look_at(file, source, box, limits)
            _kept[key] = kept
            _kept.move_to_end(key)
            while len(_kept) > LOOKS_KEPT:
                _kept.popitem(last=False)
            answer.fields = kept.fields
        yield answer.fields


def compare(job: Job) -> Iterator[list[Any]]:
    """See `messages.comparing_request`."""
    from dedup_assets.engine.evidence.comparing import compare as compare_looks

    _begin(job.request["session"])
    for attempt in job.request["attempts"]:
        answers: list[Any] = []
        for a, b, hint in attempt:
            if a not in _kept or b not in _kept:
                answers.append(None)
                break
            _kept.move_to_end(a)
            _kept.move_to_end(b)
            finding = compare_looks(_kept[a].look, _kept[b].look, _matrix(hint))
            answers.append(_fields(*_settled(job, _kept[a], _kept[b], finding)))
            if finding.relation is Relation.COPY:
                break
        yield answers


def pixels(job: Job) -> Iterator[list[Any]]:
    """See `messages.pixels_request`."""
    box, limits = box_of(job.request), limits_of(job.request)
    for file in files_of(job, sources_of(job.request)):
        with Answer() as answer:
            picture = decode(checked(file), box=box, limits=limits)
            height, width = picture.shape[:2]
            answer.fields = [width, height, hashlib.sha256(picture.data).hexdigest()]
        yield answer.fields


def fineness(job: Job) -> Iterator[list[Any]]:
    """See `messages.fineness_request`."""
    from dedup_assets.engine.pictures.fineness import measure_fineness

    box, limits = box_of(job.request), limits_of(job.request)
    for file in files_of(job, sources_of(job.request)):
        with Answer() as answer:
            answer.fields = [measure_fineness(decode(checked(file), box=box, limits=limits))]
        yield answer.fields


def forget() -> None:
    """Forget all looks and give their memory back."""
    if _kept:
        _kept.clear()
        return_freed_memory()


def _begin(session: str) -> None:
    """Forget the looks of other sessions: their numbers mean other images."""
    if _session[0] != session:
        _kept.clear()
        _session[0] = session


def _look_at(
    file: bytes | ImageError, source: Source | None, box: BoundingBox | None, limits: DecodingLimits
) -> "_Kept":
    from dedup_assets.engine.evidence.look import least_decoded, look_size, make_look

    data = checked(file)
    width, height = (box.width, box.height) if box else image_size(data)
    columns, rows = look_size(width, height)
    picture = ResizablePicture(data, box, limits)
    rgb = picture.resized((rows, columns), least_decoded(columns, rows))
    content, is_jpeg = hashlib.sha256(data).hexdigest(), data.startswith(_JPEG)
    said = list(vars(read_provenance(data, picture.is_transparent)).values())
    facts = [
        width,
        height,
        len(data),
        content,
        count_frames(data),
        zlib.crc32(rgb.data),
        is_jpeg,
        _detail(picture),
        said,
    ]
    can_wait = picture.is_scaled and len(data) <= _SMALL_FILE
    kept = source if source is not None else data if len(data) <= _SMALL_FILE else None
    return _Kept(_look_closer(picture, make_look(rgb, width, height), can_wait), facts, kept)


def _detail(picture: ResizablePicture) -> "list[list[float] | None]":
    """What `messages.fineness_request` would decode the picture for again, if it is large; see `Looked.detail`."""
    from dedup_assets.engine.pictures.fineness import measure_fineness

    whole = picture.decoded
    is_large = whole is not None and whole.shape[0] * whole.shape[1] >= _LARGE_PIXELS
    return [measure_fineness(whole)] if whole is not None and is_large else []


def _look_closer(picture: ResizablePicture, look: "Look", can_wait: bool) -> "Look":
    """The look with a finer view, if the picture holds text; one that can wait is decoded only if it is needed."""
    from dedup_assets.engine.evidence.closer import Closer, closer_size, holds_text

    columns, rows = closer_size(look.width, look.height)
    if max(columns, rows) <= max(look.rgb.shape[:2]) or not holds_text(look.rgb):
        return look
    decode_closer = partial(picture.resized, (rows, columns))
    return replace(look, closer=Closer.later(decode_closer, rows, columns) if can_wait else Closer.of(decode_closer()))


def _matrix(hint: list[float] | None) -> Any:  # noqa: ANN401 - numpy is loaded where it is needed
    import numpy as np

    return None if hint is None else np.array(hint).reshape(3, 3)


def _settled(job: Job, a: _Kept, b: _Kept, finding: "Finding") -> "tuple[Finding, str]":
    """What is found of two looks, and which of them was edited, after their files were asked where these can tell."""
    from dedup_assets.engine.decoders.origins import origin_of
    from dedup_assets.engine.evidence.jpeg_grid import turn_of

    said = finding.edited()
    has_size = sorted(a.fields[:2]) == sorted(b.fields[:2])
    map_ = finding.map if (finding.may_be_stored_again if has_size else finding.may_be_resized) else None
    turn = None if map_ is None else turn_of(map_[:2, :2])
    if map_ is None or turn is None or box_of(job.request) is not None or a.file is None or b.file is None:
        return finding, said
    limits = limits_of(job.request)
    files = _copy_file(job, a, limits), _copy_file(job, b, limits)
    if not has_size:
        return (finding.retouched("") if _differ_in_a_place(*files, turn) else finding), said
    origin = origin_of(*files, map_[:2, :2])
    is_altered = _differ_in_a_place(*files, turn) if origin.is_altered is None else origin.is_altered
    if is_altered:
        return finding.retouched(origin.side if origin.is_blurred else ""), origin.side
    return finding, said or origin.side


def _differ_in_a_place(a: "CopyFile", b: "CopyFile", turn: "Turn") -> bool:
    """Whether two pictures differ in some place, where their files do not tell; False where one cannot be read.

    The larger one is brought to the size of the smaller one.
    """
    import numpy as np
    from PIL import Image

    from dedup_assets.engine.evidence.places import differs_in_colour, has_odd_place

    try:
        one, other = (file.decode(checked(file.read())) for file in (a, b))
    except ImageError:
        return False
    pictures = Image.fromarray(np.ascontiguousarray(turn.of(one))), Image.fromarray(other)
    smaller = min(picture.size for picture in pictures)
    resized = pictures[0].size != pictures[1].size
    seen = [np.asarray((each.resize(smaller) if each.size != smaller else each).convert("YCbCr")) for each in pictures]
    grays, colours = [each[..., 0] for each in seen], [each[..., 1:] for each in seen]
    return has_odd_place(*grays, resized=resized) or differs_in_colour(*colours)


def _copy_file(job: Job, kept: _Kept, limits: DecodingLimits) -> "CopyFile":
    """The file of a look, which is read again where it was not kept."""
    from dedup_assets.engine.decoders.origins import CopyFile

    def read() -> bytes | ImageError:
        return next(files_of(job, [kept.file])) if isinstance(kept.file, Source) else kept.file or b""

    return CopyFile(kept.content, read, partial(decode, limits=limits))


def _fields(finding: "Finding", side: str) -> list[Any]:
    matrix = None if finding.map is None else [float(value) for value in finding.map.ravel()]
    return [
        *(finding.relation.value, float(finding.score), matrix, float(finding.overlap_a), float(finding.overlap_b)),
        *(float(finding.residual), int(finding.inliers), finding.kind(), side),
    ]
