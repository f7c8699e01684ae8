"""Videos: which frames are images, and their pictures. Consecutive frames come from one pass over the file.

A frame is named by a moment, and is what a player shows then. Moments are multiples of 1 / fps from the start, or those
of the key frames. Files are read through Python and may be of the named formats only: FFmpeg would otherwise follow a
playlist inside a file to other files and hosts.
"""

import io
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
    _Packet = Packet[Any]

_OPTIONS = {
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,asf,flv,ogg,mpeg,mpegts,mpegvideo",
    "protocol_whitelist": "none",
}
_WITHOUT_INDEX = {"mpegts", "mpeg", "mpegvideo"}
_FROM_ZERO = "matroska"  # its duration counts from zero, wherever the first frame is
_STEPS_BACK = (0.0, 2.0, 10.0, 60.0)  # seconds; then the start of the file
_MOST_PIXELS = 200_000_000
_MOST_FRAMES = 1_000_000  # of one video; more would be a wrong duration
_READ_BYTES = 1 << 18  # read from the file at a time
_WAITING_BYTES = 64 << 20  # packets that are kept until it is known whether they must be decoded
_ROUNDING = 0.0006  # seconds: names have milliseconds
_TAIL = 1.0  # seconds that may be missing at the end of what the file promises
_TURNS = {90: Image.Transpose.ROTATE_90, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_270}


def list_moments(name: bytes, fps: float) -> list[int]:
    """The moments of a video whose frames are images.

    Args:
        name: path or URL of the video.
        fps: frames per second; 0 for the key frames.

    Returns:
        Milliseconds from its start, each once, in order. If the file ends before its promised end, the moments go on to
        that end, and reading the last ones reports that they are lost.

    Raises:
        ImageError: it holds no frame that can be named.
        Exception: it cannot be read.
    """
    with _open(name) as (container, stream):
        if not fps:
            keys = (_seconds(packet) for packet in container.demux(stream) if packet.is_keyframe and packet.size)
            start = _start(stream)
            moments = {round(1000 * max(moment - start, 0.0)) for moment in keys if moment is not None}
        else:
            count = 1 + int((_end(container, stream) - _ROUNDING) * fps)
            if count > _MOST_FRAMES:
                raise ImageError(
                    ErrorCode.IMAGE_TOO_LARGE, f"would have {count} frames at video_fps={fps}: more than {_MOST_FRAMES}"
                )
            moments = {round(1000 * number / fps) for number in range(max(count, 1))}
    if not moments:
        raise ImageError(ErrorCode.CORRUPT_IMAGE, "the video has no key frame")
    return sorted(moments)


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
    left = list(moments)
    try:
        with _open(name) as (container, stream):
            _seek(container, stream, left[0] / 1000)
            for picture in _pictures(container, stream, _Moments(_start(stream), left)):
                yield picture
                left.pop(0)
    except ImageError as problem:
        yield from [problem] * len(left)
    except FileNotFoundError:
        yield from [ImageError(ErrorCode.MISSING_FILE, "no such file")] * len(left)
    except Exception as error:  # noqa: BLE001 - FFmpeg's, and those of stores
        yield from [_damage(error)] * len(left)


def find_damage(name: bytes) -> ImageError:
    """Why a video gives no frame at all."""
    try:
        with open_file(name) as file:
            if not file.read(1):
                return ImageError(ErrorCode.ZERO_SIZE_FILE, "the file is empty")
        list_moments(name, 1.0)
    except FileNotFoundError:
        raise
    except ImageError as problem:
        return problem
    except Exception as error:  # noqa: BLE001
        return _damage(error)
    return ImageError(ErrorCode.UNREADABLE, "the video could not be listed; it can be read now")


def _damage(error: Exception) -> ImageError:
    if isinstance(error, av.ArgumentError):  # what FFmpeg says of a format that is not among those of `_OPTIONS`
        return ImageError(ErrorCode.UNSUPPORTED_FORMAT, "no video of a format that is read here, or a damaged one")
    if isinstance(error, av.FFmpegError):
        return ImageError(ErrorCode.CORRUPT_IMAGE, f"the video cannot be read: {error.strerror}")
    return ImageError(ErrorCode.UNREADABLE, f"the video cannot be read: {error!r:.200}")


@contextmanager
def _open(name: bytes) -> Iterator[tuple[InputContainer, VideoStream]]:
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


def _seconds(packet: "_Packet | VideoFrame") -> float | None:
    """When something is shown, from the start of the video; None where it does not say."""
    if packet.pts is None or packet.time_base is None:
        return None
    return float(packet.pts * packet.time_base)


def _start(stream: VideoStream) -> float:
    return float((stream.start_time or 0) * (stream.time_base or 0))


def _seek(container: InputContainer, stream: VideoStream, moment: float) -> None:
    """Go to a key frame before a moment, or stay at the start where the file has no index.

    Streams of MPEG have no index at all: FFmpeg guesses a place by the bit rate, which may lie behind the moment.
    """
    if moment <= 0 or not stream.time_base:
        return
    is_guessed = container.format.name in _WITHOUT_INDEX
    for back in _STEPS_BACK if is_guessed else (0.0,):
        start = int((max(moment - back, 0.0) + _start(stream)) / stream.time_base)
        try:
            container.seek(start, stream=stream)
            if not is_guessed:
                return
            first = next((_seconds(each) for each in container.demux(stream) if each.is_keyframe and each.size), None)
            container.seek(start, stream=stream)
        except av.FFmpegError:
            break
        if first is not None and first - _start(stream) <= moment:
            return
    container.seek(0)


def _end(container: InputContainer, stream: VideoStream) -> float:
    """When the video ends, in seconds from its start: as found near the end, or as promised where less is there."""
    begin, end = ((moment or 0) / av.time_base for moment in (container.start_time, container.duration))
    promised = end - (begin if container.format.name.startswith(_FROM_ZERO) else 0.0)
    _seek(container, stream, end)
    last = last_of_any = 0.0
    for packet in container.demux():
        moment = _seconds(packet)
        if moment is None or not packet.size:
            continue
        end = moment + float((packet.duration or 0) * (packet.time_base or 0))
        last_of_any = max(last_of_any, end)
        if packet.stream is stream:
            last = max(last, end)
    # Sound may go on after the picture, but if every stream stops early, the file is cut.
    is_cut = promised > last_of_any - begin + _TAIL
    return promised if is_cut else max(last - _start(stream), 0.0)


class _Moments:
    """The moments that are still wanted, first to last, on the clock of the stream."""

    def __init__(self, start: float, milliseconds: Sequence[int]) -> None:
        self._left = deque(start + moment / 1000 + _ROUNDING for moment in milliseconds)
        self._start = start

    def __bool__(self) -> bool:
        return bool(self._left)

    @property
    def first(self) -> float:
        return self._left[0]

    def drop(self) -> None:
        self._left.popleft()

    def lost(self) -> ImageError:
        return ImageError(ErrorCode.TRUNCATED_IMAGE, f"the video ends before {self.first - self._start:.3f} seconds")


def _pictures(container: InputContainer, stream: VideoStream, wanted: _Moments) -> Iterator[bytes | ImageError]:
    """The picture at each moment: the last frame that began before it, the first one for moments before that."""
    shown: VideoFrame | None = None
    for frame in _frames(container, stream, wanted):
        moment = _seconds(frame)
        if moment is None:
            continue
        while wanted and moment > wanted.first:
            yield _picture(shown or frame)
            wanted.drop()
        if not wanted:
            return
        shown = frame
    end = -1.0 if shown is None else (_seconds(shown) or 0.0) + _shown_for(shown, stream) + _TAIL
    while wanted:
        yield _picture(shown) if shown is not None and wanted.first <= end else wanted.lost()
        wanted.drop()


def _frames(container: InputContainer, stream: VideoStream, wanted: _Moments) -> Iterator[VideoFrame]:
    """Frames in the order they are shown, without those before the last key frame before the next moment."""
    waiting: list[_Packet] = []
    size = 0
    for packet in container.demux(stream):
        moment = _seconds(packet)
        if packet.is_keyframe and moment is not None and moment <= wanted.first:
            stream.codec_context.flush_buffers()
            waiting, size = [], 0
        waiting.append(packet)
        size += packet.size
        decoded_at = None if packet.dts is None else float(packet.dts * (packet.time_base or 0))
        if decoded_at is not None and decoded_at < wanted.first and size < _WAITING_BYTES:
            continue
        for due in waiting:
            yield from _decoded(due)
        waiting, size = [], 0


def _decoded(packet: "_Packet") -> list[VideoFrame]:
    try:
        return [frame for frame in packet.decode() if isinstance(frame, VideoFrame)]
    except av.FFmpegError:
        return []  # a damaged packet: the frames around it may be good


def _shown_for(frame: VideoFrame, stream: VideoStream) -> float:
    if frame.duration and frame.time_base:
        return float(frame.duration * frame.time_base)
    return 1 / float(stream.average_rate) if stream.average_rate else 0.0


def _picture(frame: VideoFrame) -> bytes | ImageError:
    if frame.is_corrupt:
        return ImageError(ErrorCode.CORRUPT_IMAGE, "the frame is damaged")
    picture = Image.fromarray(frame.to_ndarray(format="rgb24"))
    if turn := _TURNS.get(round(frame.rotation) % 360):
        picture = picture.transpose(turn)
    file = io.BytesIO()
    picture.save(file, "BMP")
    return file.getvalue()
