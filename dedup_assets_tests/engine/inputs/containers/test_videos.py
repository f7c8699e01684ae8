"""Which frames of a video are images; each is the frame that a player shows at that moment."""

import io
import struct
from fractions import Fraction
from pathlib import Path

import av
import fsspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode, Source
from dedup_assets.engine.inputs.containers.moments import find_damage, list_moments
from dedup_assets.engine.inputs.containers.names import frame_name, split_frame
from dedup_assets.engine.inputs.containers.videos import read_frames
from dedup_assets.engine.inputs.listing import ListingOptions, list_images
from dedup_assets.engine.inputs.reading import read, read_sources

CODECS = {
    "mp4": "mpeg4",
    "m4v": "mpeg4",
    "mov": "mjpeg",
    "mkv": "mpeg4",
    "webm": "libvpx",
    "avi": "mpeg4",
    "mpg": "mpeg1video",
    "3gp": "mpeg4",
    "flv": "flv1",
    "vob": "mpeg2video",
    "wmv": "wmv2",
    "ts": "mpeg2video",
}
FPS, SECONDS, STEP = 25, 5, 10
SIDE = (64, 48)


def make_video(path: Path, *, seconds: int = SECONDS, fps: int = FPS, gop: int = 30) -> Path:
    """A video whose frame n is grey of level 10 + n (mod 200); players show frame n from n / fps on."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(CODECS[path.suffix[1:]], rate=fps)
        stream.width, stream.height, stream.pix_fmt = *SIDE, "yuvj420p" if path.suffix == ".mov" else "yuv420p"
        stream.codec_context.gop_size, stream.codec_context.bit_rate = gop, 4_000_000
        stream.codec_context.options = {"sc_threshold": "1000000000"}  # key frames only where `gop` says
        stream.codec_context.time_base = Fraction(1, fps)
        for number in range(seconds * fps):
            frame = av.VideoFrame.from_ndarray(np.full((SIDE[1], SIDE[0], 3), level(number), np.uint8), format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def level(number: int) -> int:
    return 10 + number % 200


def pixels(content: bytes | ImageError) -> NDArray[np.uint8]:
    assert isinstance(content, bytes), content
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def frame_at(content: bytes | ImageError) -> float:
    """Number of the frame that is shown, from its grey."""
    return float(pixels(content).mean()) - 10


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One video of each kind."""
    folder = tmp_path_factory.mktemp("videos")
    for kind in CODECS:
        make_video(folder / f"clip.{kind}")
    return folder


@pytest.mark.parametrize("kind", CODECS)
def test_a_second_of_video_gives_one_frame_the_one_that_is_shown_then(kind: str, videos: Path) -> None:
    name = str(videos / f"clip.{kind}").encode()
    moments = list_moments(name, 1.0).moments
    assert moments[:SECONDS] == [1000 * second for second in range(SECONDS)]
    assert len(moments) == SECONDS or kind == "mpg"  # the muxer counts its last frame twice
    shown = [frame_at(content) for content in read_frames(name, moments[:SECONDS])]
    assert shown == pytest.approx([second * FPS for second in range(SECONDS)], abs=2.5)


@pytest.mark.parametrize("fps", [0.3, 2.0, 25.0])
def test_a_frame_does_not_depend_on_what_else_is_read(fps: float, videos: Path) -> None:
    name = str(videos / "clip.mkv").encode()
    moments = list_moments(name, fps).moments
    together = list(read_frames(name, moments))
    assert len(together) == len(moments) == int((SECONDS - 0.001) * fps) + 1
    assert [next(read_frames(name, [moment])) for moment in moments] == together


def test_frames_are_those_that_were_asked_for_in_any_order(videos: Path) -> None:
    name = str(videos / "clip.mkv").encode()
    moments = list_moments(name, 1.0).moments
    alone = {moment: next(read_frames(name, [moment])) for moment in moments}
    asked = [moments[place] for place in (3, 1, 1, 4, 0, 2)]
    assert list(read_frames(name, asked)) == [alone[moment] for moment in asked]
    sources = [Source(frame_name(name, moment), -1, "", name, moment) for moment in asked]
    assert list(read_sources(sources)) == [alone[moment] for moment in asked]


@pytest.mark.parametrize("kind", ["mkv", "mp4"])
def test_a_video_that_begins_late_has_its_frames_and_no_lost_ones(kind: str, videos: Path, tmp_path: Path) -> None:
    late = tmp_path / f"late.{kind}"
    with av.open(str(videos / "clip.mkv")) as clip, av.open(str(late), "w") as container:
        stream = container.add_stream_from_template(clip.streams.video[0])
        for packet in clip.demux(video=0):
            if packet.dts is not None and packet.pts is not None and packet.time_base is not None:
                shift = round(400 / packet.time_base)
                packet.dts, packet.pts, packet.stream = packet.dts + shift, packet.pts + shift, stream
                container.mux(packet)
    moments = list_moments(str(late).encode(), 1.0).moments
    assert moments == [1000 * second for second in range(SECONDS)]
    shown = [frame_at(content) for content in read_frames(str(late).encode(), moments)]
    assert shown == pytest.approx([second * FPS for second in range(SECONDS)], abs=2.5)


def test_key_frames_alone_are_taken_where_the_rate_is_zero(videos: Path) -> None:
    name = str(videos / "clip.mkv").encode()
    moments = list_moments(name, 0).moments
    assert moments[:3] == [0, 1200, 2400]
    shown = [frame_at(content) for content in read_frames(name, moments)]
    assert shown == pytest.approx([moment * FPS / 1000 for moment in moments], abs=1.5)


@pytest.mark.parametrize("kind", CODECS)
def test_a_manifest_names_frames_by_their_moment(kind: str, videos: Path) -> None:
    rows = list_images(str(videos / f"clip.{kind}"), ListingOptions(video_fps=0.5)).images.drop("index").iter_rows()
    sources = [Source(*row) for row in rows]
    assert [source.name.decode() for source in sources] == [
        f"{videos}/clip.{kind}#t=00:00:0{second}.000" for second in (0, 2, 4)
    ]
    contents = list(read_sources(sources))
    assert [read(source.name) for source in sources] == contents


def test_a_version_changes_with_the_video_and_names_with_the_rate(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=2)
    first = list_images(str(path))
    path.write_bytes(make_video(tmp_path / "b.mp4", seconds=2, gop=5).read_bytes())
    assert list_images(str(path)).digest != first.digest
    assert list_images(str(path), ListingOptions(video_fps=2)).digest != list_images(str(path)).digest


def test_a_video_on_a_store_is_read_in_place(store: str, videos: Path) -> None:
    fsspec.filesystem("memory").pipe("/bucket/a b/clip.mp4", (videos / "clip.mp4").read_bytes())
    sources = [Source(*row) for row in list_images(store).images.drop("index").iter_rows()]
    assert sources[1].name.endswith(b"/bucket/a b/clip.mp4#t=00:00:01.000")
    local = list(read_frames(str(videos / "clip.mp4").encode(), [0, 1000, 2000, 3000, 4000]))
    assert list(read_sources(sources)) == local


@pytest.mark.parametrize("kind", ["mkv", "avi", "mpg", "webm"])
def test_a_truncated_video_gives_the_frames_before_the_cut(kind: str, videos: Path, tmp_path: Path) -> None:
    content = (videos / f"clip.{kind}").read_bytes()
    path = tmp_path / f"cut.{kind}"
    path.write_bytes(content[: len(content) // 2])
    moments = list_moments(str(path).encode(), 5.0).moments
    found = list(read_frames(str(path).encode(), moments))
    good = [frame_at(content) for content in found if isinstance(content, bytes)]
    assert good[:6] == pytest.approx([number * FPS / 5 for number in range(6)], abs=2.5)
    assert len(found) <= len(good) + 1
    listed = list_images(str(path), ListingOptions(video_fps=5.0)).images["filename"].to_list()
    if kind != "mpg":  # the headers say how long they were
        assert listed[0] == str(path).encode()
        problem = find_damage(listed.pop(0))
        assert problem.code is ErrorCode.TRUNCATED_IMAGE
        assert "seconds that its header promises" in str(problem)
    assert len(listed) == len(moments)


def replaced(content: bytes, after: bytes, skip: int, new: bytes) -> bytes:
    place = content.index(after) + len(after) + skip
    return content[:place] + new + content[place + len(new) :]


HOUR = struct.pack(">d", 3.6e6)
FORGED = {
    "mkv": lambda content: replaced(content, b"\x44\x89\x88", 0, HOUR),  # Duration, in milliseconds
    "flv": lambda content: replaced(content, b"duration", 1, struct.pack(">d", 1e6)),
    "avi": lambda content: replaced(
        replaced(content, b"avih", 20, struct.pack("<I", 1 << 22)), b"strh", 36, struct.pack("<I", 1 << 22)
    ),
    "mp4": lambda content: replaced(content, b"stts", 12, struct.pack(">I", (1 << 31) - 1)),  # how long a frame lasts
    "mov": lambda content: replaced(content, b"stts", 12, struct.pack(">I", 1 << 24)).replace(b"edts", b"free"),
}


@pytest.mark.parametrize("kind", FORGED)
def test_what_a_header_claims_lists_no_more_frames_than_there_are(kind: str, videos: Path, tmp_path: Path) -> None:
    path = tmp_path / f"forged.{kind}"
    path.write_bytes(FORGED[kind]((videos / f"clip.{kind}").read_bytes()))
    video, *frames = (Source(*row) for row in list_images(str(path)).images.drop("index").iter_rows())
    assert 1 <= len(frames) <= SECONDS * FPS
    assert all(isinstance(content, bytes) for content in read_sources(frames))
    (problem,) = read_sources([video])
    assert isinstance(problem, ImageError)
    assert problem.code in {ErrorCode.TRUNCATED_IMAGE, ErrorCode.CORRUPT_IMAGE}
    assert "header" in str(problem)


def test_a_frame_that_lasts_is_one_image_not_one_for_each_second(tmp_path: Path) -> None:
    path = make_video(tmp_path / "slow.mkv", seconds=3, fps=1)
    moments = list_moments(str(path).encode(), 10.0).moments
    assert moments == [0, 1000, 2000]
    assert [frame_at(each) for each in read_frames(str(path).encode(), moments)] == pytest.approx([0, 1, 2], abs=1.5)


@pytest.mark.parametrize(
    ("kind", "is_start"), [("avi", True), ("mkv", True), ("mov", True), ("ts", False), ("mkv", False)]
)
def test_frames_of_a_video_with_a_lost_part_are_used(kind: str, is_start: bool, videos: Path, tmp_path: Path) -> None:
    content = (videos / f"clip.{kind}").read_bytes()
    path, part = tmp_path / f"damaged.{kind}", len(content) // 20
    lost_end = content[: 16 * part] + bytes(4 * part) + content[20 * part :]
    path.write_bytes(content[part:] if is_start else lost_end)
    rows = [Source(*row) for row in list_images(str(path)).images.drop("index").iter_rows()]
    found = list(read_sources(rows))
    assert any(isinstance(each, bytes) for each in found)
    said = [str(each) for each in found if isinstance(each, ImageError)]
    assert said
    assert not [each for each in said if "Resource" in each or "Operation" in each]


def test_a_frame_that_cannot_be_decoded_is_bad_and_not_the_one_before_it(videos: Path, tmp_path: Path) -> None:
    content = bytearray((videos / "clip.mov").read_bytes())  # of JPEGs
    name = str(tmp_path / "damaged.mov").encode()
    with av.open(str(videos / "clip.mov")) as container:
        for packet in container.demux(video=0):
            if packet.size and packet.pos is not None and 2.5 < float((packet.pts or 0) * packet.time_base) < 3.5:
                content[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    (tmp_path / "damaged.mov").write_bytes(content)
    frames = list(read_frames(name, [2000, 3000, 4000]))
    assert isinstance(problem := frames.pop(1), ImageError)
    assert problem.code is ErrorCode.CORRUPT_IMAGE
    assert [frame_at(each) for each in frames] == pytest.approx([50, 100], abs=1.5)


def test_a_video_without_its_index_and_what_is_none_are_one_bad_image(videos: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.mp4").write_bytes((videos / "clip.mp4").read_bytes()[:-500])
    (tmp_path / "empty.mov").touch()
    (tmp_path / "text.avi").write_bytes(b"no video " * 1000)
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        silence.sample_rate = 44100
        container.mux(stream.encode(silence))
        container.mux(stream.encode())
    sources = [Source(*row) for row in list_images(str(tmp_path)).images.drop("index").iter_rows()]
    codes = {
        source.name.rsplit(b"/", 1)[1].decode(): content
        for source, content in zip(sources, read_sources(sources), strict=True)
    }
    assert {name: content.code for name, content in codes.items() if isinstance(content, ImageError)} == {
        "cut.mp4": ErrorCode.CORRUPT_IMAGE,
        "empty.mov": ErrorCode.ZERO_SIZE_FILE,
        "sound.mp4": ErrorCode.UNSUPPORTED_FORMAT,
        "text.avi": ErrorCode.CORRUPT_IMAGE,
    }


def test_a_playlist_that_calls_itself_a_video_opens_nothing(videos: Path, tmp_path: Path) -> None:
    target = videos / "clip.mp4"
    (tmp_path / "list.mp4").write_text(f"#EXTM3U\n#EXTINF:5,\nfile://{target}\n#EXT-X-ENDLIST\n")
    (tmp_path / "concat.mkv").write_text(f"ffconcat version 1.0\nfile {target}\n")
    for path in tmp_path.iterdir():
        assert find_damage(str(path).encode()).code in {ErrorCode.CORRUPT_IMAGE, ErrorCode.UNSUPPORTED_FORMAT}


def test_a_rotated_video_is_upright(tmp_path: Path) -> None:
    path = tmp_path / "turned.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = *SIDE, "yuv420p"
        picture = np.zeros((SIDE[1], SIDE[0], 3), np.uint8)
        picture[:, : SIDE[0] // 2] = 255  # left half white
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    content = path.read_bytes()
    place = content.index(b"tkhd") + 4 + 40  # ISO 14496-12, 8.3.2: the matrix of the track header
    turned = np.array([0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30], ">i4").tobytes()  # 90 degrees clockwise
    path.write_bytes(content[:place] + turned + content[place + 36 :])
    shown = pixels(next(read_frames(str(path).encode(), [0])))
    assert shown.shape == (SIDE[0], SIDE[1], 3)
    assert shown[: SIDE[0] // 4].mean() > 200  # the left half is on top
    assert shown[-SIDE[0] // 4 :].mean() < 50


def test_a_plain_file_that_is_called_like_a_frame_is_a_plain_file(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4#t=00:00:01.000"
    path.write_bytes(b"plain")
    (tmp_path / "list.txt").write_text(f"{path}\n")
    (source,) = (Source(*row) for row in list_images(str(tmp_path / "list.txt")).images.drop("index").iter_rows())
    assert source.container is None
    assert read(source.name) == b"plain"


@given(st.integers(0, 10**9))
def test_the_name_of_a_frame_is_read_back(moment: int) -> None:
    assert split_frame(frame_name(b"/a #t=1/clip.MP4", moment)) == (b"/a #t=1/clip.MP4", moment)
    assert split_frame(frame_name(b"/a.jpg", moment)) is None


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_a_damaged_video_never_ends_the_run(data: st.DataObject, videos: Path) -> None:
    source = data.draw(st.sampled_from(sorted(path for path in videos.iterdir() if path.stem == "clip")))
    content = bytearray(source.read_bytes())
    for _ in range(data.draw(st.integers(1, 20))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = videos / f"damaged{source.suffix}"
    path.write_bytes(content)
    for image in list_images(str(path), ListingOptions(video_fps=1.0)).images["filename"][:8]:
        try:
            assert read(image)
        except ImageError:
            continue


@pytest.mark.parametrize("kind", ["GIF", "JPEG", "PNG"])
def test_a_picture_with_the_name_of_a_video_is_unsupported_not_corrupt(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    Image.new("RGB", (64, 48), "red").save(path, kind)
    (source,) = list_images(str(tmp_path), ListingOptions()).images["filename"]
    problem = find_damage(source)
    assert problem.code is ErrorCode.UNSUPPORTED_FORMAT
