"""The compiled inner loops: built from the present source, they give the same bytes as numpy."""

import shlex
import subprocess
import sysconfig
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw, ImageFilter

from dedup_assets.cli.main import main
from dedup_assets.engine.evidence import compiled
from dedup_assets.engine.evidence.closer import Closer, holds_text
from dedup_assets.engine.evidence.comparing import Finding, compare
from dedup_assets.engine.evidence.look import make_look
from dedup_assets_tests.support.pictures import photo_like

NAME = "dedup_assets.engine.evidence._kernels"
PHOTO = photo_like(1, 480, 360)
EDITS = {
    "mirror": PHOTO.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "crop": PHOTO.crop((90, 60, 390, 301)),
    "turn": PHOTO.rotate(25, Image.Resampling.BICUBIC, expand=True),
    "blur": PHOTO.filter(ImageFilter.GaussianBlur(3)),
    "squeeze": PHOTO.resize((300, 300)),
    "perspective": PHOTO.transform(
        (480, 360), Image.Transform.PERSPECTIVE, (1.05, 0.1, -9, 0.02, 1.1, -9, 2e-4, 3e-4), Image.Resampling.BICUBIC
    ),
    "other": photo_like(2, 480, 360),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    compiler, include = sysconfig.get_config_var("CC"), sysconfig.get_path("include")
    if not compiler or not Path(include, "Python.h").exists():
        pytest.skip("no C compiler, or no headers of Python")
    library = tmp_path_factory.mktemp("kernels") / "_kernels.abi3.so"
    source = Path(compiled.__file__).with_name("kernels.c")
    flags = ["-O3", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-shared", "-fPIC"]
    subprocess.run([*shlex.split(compiler), *flags, f"-I{include}", str(source), "-o", str(library)], check=True)
    spec = spec_from_file_location(NAME, library)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def page(title: str) -> Image.Image:
    sheet = Image.new("RGB", (900, 1200), "white")
    draw = ImageDraw.Draw(sheet)
    for line in range(24):
        draw.text((80, 60 + 45 * line), f"{title} line {line} of what was delivered", "black", font_size=28)
    return sheet


def found(a: Image.Image, b: Image.Image) -> Finding:
    looks = []
    for picture in (a, b):
        look = make_look(np.asarray(picture), *picture.size)
        holds = holds_text(look.rgb)
        looks.append(replace(look, closer=Closer.of(np.asarray(picture))) if holds else look)
    return compare(*looks)


def as_bytes(finding: Finding) -> tuple[object, ...]:
    matrix = None if finding.map is None else finding.map.tobytes()
    numbers = finding.score, finding.overlap_a, finding.overlap_b, finding.residual, finding.inliers
    return finding.relation, matrix, numbers, dict(finding.edits)


@pytest.mark.parametrize("edit", EDITS)
def test_compiled_comparison_gives_the_bytes_of_numpy(
    edit: str, built: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "kernels", None)
    by_numpy = found(PHOTO, EDITS[edit])
    monkeypatch.setattr(compiled, "kernels", built)
    assert as_bytes(found(PHOTO, EDITS[edit])) == as_bytes(by_numpy)


def test_kernels_refuse_buffers_that_are_too_small(built: ModuleType) -> None:
    plane, inside = np.zeros((16, 16), np.float32), np.zeros((16, 16), np.bool_)
    with pytest.raises(ValueError, match="another size than its shape says"):
        built.block_means(plane, plane, inside, 16, 24, np.zeros((2, 3), np.float32), np.zeros((5, 2, 3), np.float32))


@pytest.mark.parametrize("other", ["INVOICE 7391", "INVOICE 7397"])
def test_compiled_comparison_of_pages_gives_the_bytes_of_numpy(
    other: str, built: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "kernels", None)
    by_numpy = found(page("INVOICE 7391"), page(other).resize((810, 1080)))
    monkeypatch.setattr(compiled, "kernels", built)
    assert as_bytes(found(page("INVOICE 7391"), page(other).resize((810, 1080)))) == as_bytes(by_numpy)


def test_version_says_what_compares_pixels() -> None:
    said = CliRunner().invoke(main, ["--version"]).output
    assert ("compiled loops" in said) == (compiled.kernels is not None)
    assert said.rstrip().endswith(("compiled loops", "numpy"))
