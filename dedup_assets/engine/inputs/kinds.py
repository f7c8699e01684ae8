"""What a file is: an image, or an archive or a video that holds images, judged by its name or its first bytes."""

import os
from enum import Enum
from functools import cache
from importlib.util import find_spec
from typing import NamedTuple


class Kind(Enum):
    """What a file is."""

    IMAGE = "image"
    ARCHIVE = "archive"
    VIDEO = "video"
    OTHER = "other"


class Extra(NamedTuple):
    """A family of formats that can be read once an extra of this package is installed.

    Attributes:
        name: of the extra, as in `pip install dedup-assets[NAME]`.
        module: that the extra installs and that decodes the formats.
        extensions: of their files.
    """

    name: str
    module: str
    extensions: frozenset[bytes]


EXTRAS = (
    Extra("jxl", "imagecodecs", frozenset({b".jxl"})),
    Extra(
        "raw",
        "rawpy",
        frozenset(
            b".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .iiq .k25 .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf "
            b".rw2 .rwl .sr2 .srf .srw .x3f".split()
        ),
    ),
)
TABLES = Extra("parquet", "pyarrow", frozenset({b".arrow", b".feather", b".parquet"}))
IMAGE_EXTENSIONS = frozenset(
    b".apng .avif .avifs .bmp .bw .cur .dds .dib .gif .hdr .heic .heics .heif .heifs .hif .icb .icns .ico .j2c .j2k "
    b".jfif .jif .jp2 .jpc .jpe .jpeg .jpf .jpg .jpx .mpo .pam .pbm .pcx .pgm .png .pnm .ppm .psd .qoi .rgb .rgba .sgi "
    b".tga .tif .tiff .vda .vst .webp .xbm .xpm".split()
)
VIDEO_EXTENSIONS = frozenset(
    b".3g2 .3gp .asf .avi .f4v .flv .m2ts .m2v .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .ts .vob .webm .wmv".split()
)
_ZIP_ENDINGS = (b".zip", b".cbz")
_STREAMED_ENDINGS = (b".tar.gz", b".tgz", b".tar.bz2", b".tbz2", b".tar.xz", b".txz")
ARCHIVE_ENDINGS = (*_ZIP_ENDINGS, b".tar", b".cbt", *_STREAMED_ENDINGS)
ENTERED_ENDINGS = (*ARCHIVE_ENDINGS, *sorted(TABLES.extensions))

HEAD_BYTES = 200
"""The number of first bytes that `kind_by_head` and `is_image_head` look at."""

_NO_STEM = frozenset(b"./")  # before the last dot: of a name that is no more than an extension
_AMBIGUOUS = frozenset({b".ts", b".mts"})  # also TypeScript
_SYNC_BYTE, _PACKET_BYTES, _TIMED_PACKET_BYTES = 0x47, 188, 192  # ISO/IEC 13818-1; with a time code of 4 bytes: M2TS
_IMAGE_HEADS = (
    b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"8BPS\0\x01",
    b"\0\0\0\x0cjP  \r\n", b"\xff\x4f\xff\x51", b"qoif", b"DDS |\0\0\0", b"#?RADIANCE\n", b"P7\nWIDTH",
)  # fmt: skip
_IMAGE_BRANDS = {b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


def kind_of(name: bytes) -> Kind:
    """What a file is by its name alone."""
    dot = name.rfind(b".")
    if dot > 0 and name[dot:] in IMAGE_EXTENSIONS and name[dot - 1] not in _NO_STEM:
        return Kind.IMAGE  # nearly every name, and listings have millions
    suffix = extension_of(name)
    if suffix in IMAGE_EXTENSIONS or any(suffix in extra.extensions and is_installed(extra) for extra in EXTRAS):
        return Kind.IMAGE
    if suffix in VIDEO_EXTENSIONS:
        return Kind.VIDEO
    return Kind.ARCHIVE if name.lower().endswith(ENTERED_ENDINGS) else Kind.OTHER


def extension_of(name: bytes) -> bytes:
    """The extension of a name, in lower case and with its dot; empty where it has none."""
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 - a Path of bytes does not exist


@cache
def is_installed(extra: Extra) -> bool:
    """Whether the files of an extra can be read here."""
    return find_spec(extra.module) is not None


def is_table(name: bytes) -> bool:
    """Whether a file is a table by its name, which may hold images."""
    return extension_of(name) in TABLES.extensions


def is_zip(archive: bytes) -> bool:
    """Whether an archive is a zip by its name; otherwise it is a tar."""
    return archive.lower().endswith(_ZIP_ENDINGS)


def is_streamed(container: bytes) -> bool:
    """Whether members are read in the order in which they lie: of an archive compressed as a whole, and of a table."""
    return container.lower().endswith(_STREAMED_ENDINGS) or is_table(container)


def needs_head(name: bytes) -> bool:
    """Whether a name does not say what the file is, so that its first bytes must decide."""
    suffix = extension_of(name)
    return not suffix or suffix in _AMBIGUOUS


def kind_by_head(name: bytes, head: bytes) -> Kind:
    """What a file is by its first bytes, if its name does not say it.

    Args:
        name: for which `needs_head` holds.
        head: its first `HEAD_BYTES`, or all of it.
    """
    if extension_of(name) in _AMBIGUOUS:
        return Kind.VIDEO if _is_transport_stream(head) else Kind.OTHER
    return Kind.IMAGE if is_image_head(head) else Kind.OTHER


def is_image_head(head: bytes) -> bool:
    """Whether a file begins as only images do."""
    if head.startswith(_IMAGE_HEADS):
        return True
    if head[4:8] == b"ftyp":  # ISO/IEC 14496-12, 4.3
        return head[8:12] in _IMAGE_BRANDS
    if head[:4] == b"RIFF":
        return head[8:12] == b"WEBP"
    return head[:2] == b"BM" and head[6:10] == bytes(4)  # reserved fields of a BMP


def _is_transport_stream(head: bytes) -> bool:
    plain, timed = head[0::_PACKET_BYTES], head[4::_TIMED_PACKET_BYTES]
    return any(len(sync) > 1 and set(sync) == {_SYNC_BYTE} for sync in (plain, timed))
