"""Which frames of a video are images: multiples of 1 / fps from its start, or its key frames.

What a header or a time of one packet claims may be wrong. So a video never has more images than it has frames, moments
end where its packets end, and a video that ends earlier than it promises is said once, beside its frames.
"""

from contextlib import suppress
from math import ceil
from typing import NamedTuple

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.inputs.containers.names import frame_name, say_whole
from dedup_assets.engine.inputs.containers.videos import (
    RAW,
    ROUNDING,
    TAIL,
    WITHOUT_INDEX,
    UnreadablePlace,
    damage_of,
    open_video,
    packets_of,
    seconds,
    seek,
    start_of,
)
from dedup_assets.engine.inputs.kinds import extension_of
from dedup_assets.engine.stores import open_file

_FROM_ZERO = "matroska"  # its duration counts from zero, wherever the first frame is
_MOST_FRAMES = 1_000_000  # of one video
_FEWEST_BYTES = 1 << 14  # of the file for each moment; where there are fewer, all packets are looked at


class VideoMoments(NamedTuple):
    """The moments of a video.

    Attributes:
        moments: milliseconds from its start, each once, in order.
        damage: why frames are missing; None if all that it promises is there.
    """

    moments: list[int]
    damage: ImageError | None = None


class _PacketTimes(NamedTuple):
    """What the packets say, in seconds from the start.

    Attributes:
        times: when each frame is shown, in any order.
        keys: the same for key frames.
        end: when the last frame ends.
        damage: as of `VideoMoments`.
    """

    times: list[float]
    keys: list[float]
    end: float
    damage: ImageError | None


def list_moments(name: bytes, fps: float) -> VideoMoments:
    """The moments of a video whose frames are images.

    Args:
        name: path or URL of the video.
        fps: frames per second; 0 for the key frames.

    Raises:
        ImageError: it holds no frame that can be named, or too many.
        Exception: it cannot be read.
    """
    if fps and (count := _quick_count(name, fps)):
        return VideoMoments([round(1000 * number / fps) for number in range(_checked(count, fps))])
    with open_video(name) as (container, stream):
        seen = _look(container, stream)
        is_bare = container.format.name in RAW and extension_of(name) != b".m4v"
    damage = seen.damage
    if is_bare and damage is None:
        damage = ImageError(
            ErrorCode.CORRUPT_IMAGE, "the header of the video is lost, and with it the times of its frames"
        )
    if not seen.times:
        raise damage or ImageError(ErrorCode.CORRUPT_IMAGE, "the video has no frame")
    if not fps and not seen.keys:
        raise damage or ImageError(ErrorCode.CORRUPT_IMAGE, "the video has no key frame")
    if not fps:
        return VideoMoments(sorted({round(1000 * max(moment, 0.0)) for moment in seen.keys}), damage)
    numbers = range(_count(seen.end, fps))
    if len(numbers) > len(seen.times):  # each frame once, where it is shown first
        shown = {max(ceil((moment - ROUNDING) * fps), 0) for moment in seen.times}
        numbers = sorted(number for number in shown if number in numbers)  # type: ignore[assignment]
    _checked(len(numbers), fps)
    return VideoMoments([round(1000 * number / fps) for number in numbers], damage)


def find_damage(name: bytes) -> ImageError:
    """Why a video gives no frame, or not all; where it gives all, how they are named."""
    try:
        with open_file(name) as file:
            if not file.read(1):
                return ImageError(ErrorCode.ZERO_SIZE_FILE, "the file is empty")
        found = list_moments(name, 1.0)
    except FileNotFoundError:
        raise
    except ImageError as problem:
        return problem
    except Exception as error:  # noqa: BLE001
        return damage_of(error)
    inside = frame_name(name, found.moments[0]) if found.moments else None
    return found.damage or ImageError(ErrorCode.UNREADABLE, say_whole(name, "a video", inside))


def _count(end: float, fps: float) -> int:
    return max(1 + int((end - ROUNDING) * fps), 1)


def _checked(count: int, fps: float) -> int:
    if count > _MOST_FRAMES:
        raise ImageError(
            ErrorCode.IMAGE_TOO_LARGE, f"would have {count} frames at video_fps={fps}: more than {_MOST_FRAMES}"
        )
    return count


def _quick_count(name: bytes, fps: float) -> int:
    """How many moments a video has, by its end alone; 0 if all packets must be looked at."""
    with open_video(name) as (container, stream):
        seek(container, stream, (container.duration or 0) / av.time_base)
        seen = _look(container, stream)
        count = _count(seen.end, fps)
        is_whole = bool(seen.times) and seen.damage is None and container.format.name not in RAW
        return count if is_whole and count * _FEWEST_BYTES <= container.size else 0


def _look(container: InputContainer, stream: VideoStream) -> _PacketTimes:
    """Look at all packets from here on."""
    begin, promised = ((moment or 0) / av.time_base for moment in (container.start_time, container.duration))
    if not container.format.name.startswith(_FROM_ZERO):
        promised += begin
    start, times, keys = start_of(stream), [], []
    passed: list[av.FFmpegError] = []
    last = last_of_any = longest = 0.0
    with suppress(UnreadablePlace):  # `passed` has the reason
        for packet in packets_of(container, passed=passed):
            moment = seconds(packet)
            if moment is None or not packet.size:
                continue
            lasts = float((packet.duration or 0) * (packet.time_base or 0))
            end = moment + lasts
            last_of_any = max(last_of_any, end)
            if packet.stream is stream:
                last, longest = max(last, end), max(longest, lasts)
                times.append(moment - start)
                keys += [moment - start] if packet.is_keyframe else []
    damage = damage_of(passed[0]) if passed else None
    length = promised - begin
    if promised > 0 and container.format.name not in WITHOUT_INDEX:
        # Sound may go on after the picture, but if every stream stops early, the file is cut.
        if promised > last_of_any + TAIL:
            said = (
                f"ends after {max(last_of_any - begin, 0.0):.1f} of the {length:.1f} seconds that its header promises"
            )
            damage = ImageError(ErrorCode.TRUNCATED_IMAGE, f"the video {said}")
        elif longest > length + TAIL:
            said = f"a frame would last {longest:.1f} seconds in a video of {length:.1f}, by its header"
            damage = ImageError(ErrorCode.CORRUPT_IMAGE, f"the times of frames are wrong: {said}")
    return _PacketTimes(times, keys, max(last - start, 0.0), damage)
