"""Decoding versions name what a vector depends on besides file and model; asking for them is cheap."""

import subprocess
import sys
from importlib.metadata import version

import pytest

from dedup_assets.engine.pictures import versions


@pytest.fixture(autouse=True)
def _fresh() -> None:
    versions.decoding_versions.cache_clear()


def test_each_library_that_decodes_or_resizes_is_named_with_its_version() -> None:
    found = versions.decoding_versions()
    assert [found[name] for name in ("pillow", "pi-heif", "av", "simplejpeg")] == [
        version(name) for name in ("pillow", "pi-heif", "av", "simplejpeg")
    ]
    assert found["decoder"] == str(versions.DECODER_VERSION)
    assert found["resize"] in ("fast_image_resize", "Pillow")


def test_the_fingerprint_changes_with_each_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = versions.decoding_fingerprint()
    monkeypatch.setattr(versions, "version", lambda name: "0.1" if name == "pi-heif" else version(name))
    versions.decoding_versions.cache_clear()
    after = versions.decoding_fingerprint()
    assert set(after.split()) - set(before.split()) == {"pi-heif=0.1"}
    versions.decoding_versions.cache_clear()


def test_asking_for_the_versions_loads_no_library() -> None:
    heavy = ("numpy", "PIL", "pi_heif", "av", "simplejpeg", "cykooz_resizer")
    code = (
        "import sys; from dedup_assets.engine.pictures.versions import decoding_fingerprint; decoding_fingerprint();"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
