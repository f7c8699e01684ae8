"""Ask another decoder about a file that ours refuses, because people delete files that are called corrupt."""

from io import BytesIO


def ffmpeg_reads(data: bytes) -> bool:
    """Whether FFmpeg decodes the first picture of a file without an error."""
    import av

    try:
        with av.open(BytesIO(data), "r", options={"err_detect": "explode"}) as container:
            return next(container.decode(video=0), None) is not None
    except (av.FFmpegError, ValueError, IndexError):
        return False
