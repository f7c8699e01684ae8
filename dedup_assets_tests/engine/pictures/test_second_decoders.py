"""A file that is called corrupt is one that other decoders refuse, too: people delete corrupt files.

`benchmarks/second_decoders.py` says which decoders were asked, and makes the table again.
"""

from pathlib import Path

from benchmarks.second_decoders import digest_of, read_table
from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.pictures.decoding import DecodingLimits, decode

_DEFLATE = "the compressed pixels are damaged; others show what comes before the damage, and white or nothing after it"
_GRAY_END = "picture data are lost; others show gray from there on"
# File, and why it is corrupt although a decoder that passes over errors shows something.
_CORRUPT_ANYWAY = {
    "fuzzing-corpus/50f693a9e2f534d7abe442f163ecc6a05a46feba-6": _DEFLATE,
    "fuzzing-corpus/585f1775b05225c671a5f36d49479b1e4da3e69f-2": _DEFLATE,
    "fuzzing-corpus/61e0d863a43e4f9f5e0eeb6f3448f20fcd1a3ce0-3": _DEFLATE,
    "fuzzing-corpus/b4103df93880fc5677c2a081e4bfc712.jpg": _GRAY_END,
    "go-fuzz/720dd0d05fd5257632e687c61d217e441ba7b6f9-1": _DEFLATE,
    "go-fuzz/e05d98ff2301a238326abc4eb30ab839b163838d-2": _DEFLATE,
    "go-fuzz/e0648857ab3744ac699d4e8cdd6467e788faa688-4": _DEFLATE,
    "jpeg-decoder/5315c35bbcc28d8eee419028ac9f38e0.jpg": _GRAY_END,
    "jpeg-decoder/a17806f32b45d63eea5230e7893e1f15.jpg": _GRAY_END,
    "jpeg-decoder/b4103df93880fc5677c2a081e4bfc712.jpg": _GRAY_END,
    "jpeg-decoder/id_000989,sync_jpeg9,src_001094.jpg": _GRAY_END,
    "jpeg-decoder/id_001792,src_000728,op_int32,pos_227,val_be_+1000.jpg": _GRAY_END,
    "zune/741386cd23474337f6894a9b8464f9097b5ac172": "the header of this PNG is not what its checksum says",
    "zune/ccb85af172c3b6aeeb56e63f288fc4152c79869d": _GRAY_END,
}


def test_what_is_called_corrupt_is_refused_by_other_decoders(shared_data: Path) -> None:
    readers, odd = read_table(), shared_data / "odd"
    corrupt_for_us_alone, without_verdict = set(), set()
    for path in sorted(path for path in odd.rglob("*") if path.is_file()):
        others = readers.get(digest_of(path))
        if others is None:
            without_verdict.add(path)
        elif others and _is_corrupt(path):
            name = str(path.relative_to(odd))
            assert "libvips-strict" not in others, f"{name} is called corrupt; libvips reads it without a warning"
            corrupt_for_us_alone.add(name)
    assert not without_verdict, "make the table again: python -m benchmarks.second_decoders"
    assert corrupt_for_us_alone == _CORRUPT_ANYWAY.keys()


def _is_corrupt(path: Path) -> bool:
    try:
        decode(path.read_bytes(), limits=DecodingLimits(min_side=1))
    except ImageError as error:
        return error.code is ErrorCode.CORRUPT_IMAGE
    return False
