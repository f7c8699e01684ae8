"""The frames of a video at given moments. Consecutive frames come from one pass over the file.

A frame is named by a moment, and is what a player shows then; `moments` says which moments are images. Files are read
through Python and may be of the named formats only: FFmpeg would otherwise follow a playlist inside a file to other
files and hosts.
"""

import errno
import io
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.stores import open_file

if TYPE_CHECKING:
    AnyPacket = Packet[Any]

_OPTIONS = {
    "format_whitelist": (
        "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,asf,flv,ogg,mpeg,mpegts,mpegvideo,m4v,mjpeg,h264,hevc"
    ),
    "protocol_whitelist": "none",
}
RAW = {"m4v", "mjpeg", "h264", "hevc"}
"""Formats of pictures without a container, as which a file is read whose header is lost."""

WITHOUT_INDEX = {"mpegts", "mpeg", "mpegvideo", *RAW}
"""Formats that say neither where a moment is nor how long the video lasts."""

ROUNDING = 0.0006
"""Seconds: names of frames have milliseconds."""

_STEPS_BACK = (0.0, 2.0, 10.0, 60.0)  # seconds; then the start of the file
_MOST_PIXELS = 200_000_000
_READ_BYTES = 1 << 18  # read from the file at a time
_WAITING_BYTES = 64 << 20  # packets that are kept until it is known whether they must be decoded
_MOST_ERRORS = 16  # in a row; FFmpeg goes on behind a place that cannot be read, or repeats itself
TAIL = 1.0
"""Seconds that may be missing at the end of what a file promises."""

_SAID_OF_DAMAGE = {errno.EAGAIN, errno.EIO, errno.EPERM}  # by FFmpeg, not by the system: Python reads the file
_TURNS = {90: Image.Transpose.ROTATE_90, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_270}


def read_frames(name: bytes, moments: Sequence[int]) -> Iterator[bytes | ImageError]:
    """The frames of a video at some moments, as BMP files; ascending moments come from one pass over the file.

    Args:
        name: path or URL of the video.
        moments: milliseconds from its start, in any order.

    Yields:
        For each moment, in the given order, its picture, or why there is none.
    """
    for stretch in _ascending(moments):
        yield from _read_onward(name, stretch)


def _ascending(moments: Sequence[int]) -> Iterator[list[int]]:
    """The moments in their order, cut where one is earlier than the one before it, because a pass never goes back."""
    stretch: list[int] = []
    for moment in moments:
        if stretch and moment < stretch[-1]:
            yield stretch
            stretch = []
        stretch.append(moment)
    if stretch:
        yield stretch


def _read_onward(name: bytes, moments: Sequence[int]) -> Iterator[bytes | ImageError]:
    left = deque(moments)
    while left:  # again from behind a place that cannot be read
        due = len(left)
        problem: ImageError | None = None
        try:
            with open_video(name) as (container, stream):
                seek(container, stream, left[0] / 1000)
                for picture in _pictures(container, stream, _Moments(start_of(stream), left)):
                    yield picture
                    left.popleft()
        except UnreadablePlace as place:
            if len(left) == due:
                yield damage_of(place.reason)
                left.popleft()
        except ImageError as error:
            problem = error
        except FileNotFoundError:
            problem = ImageError(ErrorCode.MISSING_FILE, "no such file")
        except Exception as error:  # noqa: BLE001 - FFmpeg's, and those of stores
            problem = damage_of(error)
        if problem is not None:
            yield from [problem] * len(left)
            return


class UnreadablePlace(Exception):  # noqa: N818 - no error of a caller
    """FFmpeg cannot go on at a place of the file, and may behind it.

    Attributes:
        reason: what it said.
    """

    def __init__(self, reason: av.FFmpegError) -> None:
        super().__init__()
        self.reason = reason


def packets_of(
    container: InputContainer, *streams: VideoStream, passed: list[av.FFmpegError] | None = None
) -> "Iterator[AnyPacket]":
    """The packets of some streams, or of all, beyond places that cannot be read.

    Args:
        container: an open video.
        streams: of these; none: of all.
        passed: gets what FFmpeg said at such places.

    Raises:
        UnreadablePlace: at the end, FFmpeg could not go on.
    """
    errors = 0
    while True:
        try:
            for packet in container.demux(*streams):
                errors = 0 if packet.size else errors
                yield packet
        except av.FFmpegError as error:
            errors += 1
            if passed is not None:
                passed.append(error)
            if errors == _MOST_ERRORS:
                raise UnreadablePlace(error) from error
        else:
            return


def damage_of(error: Exception) -> ImageError:
    """What an exception of FFmpeg or of a store means."""
    if isinstance(error, av.ArgumentError):  # what FFmpeg says of a format that is not among those of `_OPTIONS`
        return ImageError(ErrorCode.UNSUPPORTED_FORMAT, "no video of a format that is read here, or a damaged one")
    if isinstance(error, av.FFmpegError):
        said = "a part of it is lost or damaged" if error.errno in _SAID_OF_DAMAGE else error.strerror
        return ImageError(ErrorCode.CORRUPT_IMAGE, f"the video cannot be read: {said}")
    return ImageError(ErrorCode.UNREADABLE, f"the video cannot be read: {error!r:.200}")


@contextmanager
def open_video(name: bytes) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video and its main stream of pictures.

    Raises:
        ImageError: it has none, or one that is too large.
        Exception: it cannot be opened.
    """
    with (
        open_file(name) as file,
        av.open(
            file, options=_OPTIONS, buffer_size=_READ_BYTES, io_open=_refuse, metadata_errors="replace"
        ) as container,
    ):
        stream = container.streams.best("video")
        if not isinstance(stream, VideoStream):
            raise ImageError(ErrorCode.UNSUPPORTED_FORMAT, "the file holds no video stream")
        context = stream.codec_context
        if context is None:
            raise ImageError(ErrorCode.UNSUPPORTED_FORMAT, "the video is of a codec that FFmpeg does not know")
        if context.width * context.height > _MOST_PIXELS:
            size = f"{context.width} x {context.height}"
            raise ImageError(ErrorCode.IMAGE_TOO_LARGE, f"video of {size} pixels: more than {_MOST_PIXELS}")
        context.options = {"max_pixels": str(_MOST_PIXELS)}
        context.thread_count = 1  # other threads read other chunks
        yield cast(InputContainer, container), stream


def _refuse(url: str, *_: object) -> Any:  # noqa: ANN401
    raise PermissionError(f"the video refers to another file: {url!r:.100}")


def seconds(packet: "AnyPacket | VideoFrame") -> float | None:
    """When something is shown, from the start of the video; None where it does not say."""
    moment, base = packet.dts if packet.pts is None else packet.pts, packet.time_base
    return None if moment is None or base is None else float(moment * base)


def start_of(stream: VideoStream) -> float:
    """When the first frame is shown, in seconds."""
    return float((stream.start_time or 0) * (stream.time_base or 0))


def seek(container: InputContainer, stream: VideoStream, moment: float) -> None:
    """Go to a key frame before a moment, or stay at the start where the file has no index.

    Streams of MPEG have no index at all: FFmpeg guesses a place by the bit rate, which may lie behind the moment.
    """
    if moment <= 0 or not stream.time_base:
        return
    is_guessed = container.format.name in WITHOUT_INDEX
    for back in _STEPS_BACK if is_guessed else (0.0,):
        start = int((max(moment - back, 0.0) + start_of(stream)) / stream.time_base)
        try:
            container.seek(start, stream=stream)
            if not is_guessed:
                return
            first = next((seconds(each) for each in container.demux(stream) if each.is_keyframe and each.size), None)
            container.seek(start, stream=stream)
        except av.FFmpegError:
            break
        if first is not None and first - start_of(stream) <= moment:
            return
    with suppress(av.FFmpegError):  # then it stays at the start
        container.seek(0)


class _Moments:
    """The moments that are still wanted, first to last, on the clock of the stream."""

    def __init__(self, start: float, milliseconds: Sequence[int]) -> None:
        self._left = deque(start + moment / 1000 + ROUNDING for moment in milliseconds)
        self._start = start

    def __bool__(self) -> bool:
        return bool(self._left)

    @property
    def first(self) -> float:
        return self._left[0]

    def drop(self) -> None:
        self._left.popleft()

    def damaged(self) -> ImageError:
        said = f"the frame at {self.first - self._start:.3f} seconds cannot be decoded"
        return ImageError(ErrorCode.CORRUPT_IMAGE, said)

    def lost(self) -> ImageError:
        return ImageError(ErrorCode.TRUNCATED_IMAGE, f"the video ends before {self.first - self._start:.3f} seconds")


def _pictures(container: InputContainer, stream: VideoStream, wanted: _Moments) -> Iterator[bytes | ImageError]:
    """The picture at each moment: the last frame that began before it, the first one for moments before that.

    Raises:
        UnreadablePlace: some moments are left, because FFmpeg cannot go on.
    """
    shown: VideoFrame | None = None
    lost: list[float] = []  # moments of packets that cannot be decoded
    unreadable: UnreadablePlace | None = None
    try:
        for frame in _frames(container, stream, wanted, lost):
            moment = seconds(frame)
            if moment is None:
                continue
            while wanted and moment > wanted.first:
                yield _picture(shown or frame) if not _is_lost(wanted.first, shown, lost) else wanted.damaged()
                wanted.drop()
            if not wanted:
                return
            shown = frame
    except UnreadablePlace as place:
        unreadable = place
    end = -1.0 if shown is None else (seconds(shown) or 0.0) + _shown_for(shown, stream) + TAIL
    while wanted:
        if shown is not None and wanted.first <= end:
            yield _picture(shown) if not _is_lost(wanted.first, shown, lost) else wanted.damaged()
        elif unreadable is not None:
            raise unreadable
        else:
            yield wanted.lost()
        wanted.drop()


def _is_lost(moment: float, shown: VideoFrame | None, lost: Sequence[float]) -> bool:
    """Whether a packet between the frame that is shown and a moment could not be decoded."""
    since = None if shown is None else seconds(shown)
    return since is not None and any(since < each <= moment for each in lost)


def _frames(
    container: InputContainer, stream: VideoStream, wanted: _Moments, lost: list[float]
) -> Iterator[VideoFrame]:
    """Frames in the order they are shown, without those before the last key frame before the next moment."""
    waiting: list[AnyPacket] = []
    size = 0
    unreadable: UnreadablePlace | None = None
    packets = packets_of(container, stream)
    while unreadable is None:
        try:
            packet = next(packets, None)
        except UnreadablePlace as place:
            unreadable, packet = place, None
        if packet is None:
            break
        moment = seconds(packet)
        if packet.is_keyframe and moment is not None and moment <= wanted.first:
            stream.codec_context.flush_buffers()
            waiting, size = [], 0
            lost.clear()
        waiting.append(packet)
        size += packet.size
        decoded_at = None if packet.dts is None else float(packet.dts * (packet.time_base or 0))
        if decoded_at is not None and decoded_at < wanted.first and size < _WAITING_BYTES:
            continue
        for due in waiting:
            yield from _decoded(due, lost)
        waiting, size = [], 0
    for due in waiting:
        yield from _decoded(due, lost)
    if unreadable is not None:
        yield from _decoded(None, lost, stream)
        raise unreadable


def _decoded(packet: "AnyPacket | None", lost: list[float], stream: VideoStream | None = None) -> list[VideoFrame]:
    """The frames that a packet completes, or the end of the stream; its moment is noted if it is damaged."""
    try:
        if packet is None:
            return list(stream.decode(None)) if stream is not None else []
        return [frame for frame in packet.decode() if isinstance(frame, VideoFrame)]
    except av.FFmpegError:
        moment = None if packet is None else seconds(packet)
        lost += [] if moment is None or packet is None or not packet.size else [moment]
        return []  # the frames around it may be good


def _shown_for(frame: VideoFrame, stream: VideoStream) -> float:
    lasts = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else 0.0
    return lasts or (1 / float(stream.average_rate) if stream.average_rate else 0.0)


def _picture(frame: VideoFrame) -> bytes | ImageError:
    if frame.is_corrupt:
        return ImageError(ErrorCode.CORRUPT_IMAGE, "the frame is damaged")
    picture = Image.fromarray(frame.to_ndarray(format="rgb24"))
    if turn := _TURNS.get(round(frame.rotation) % 360):
        picture = picture.transpose(turn)
    file = io.BytesIO()
    picture.save(file, "BMP")
    return file.getvalue()
