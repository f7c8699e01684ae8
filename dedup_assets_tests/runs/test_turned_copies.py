"""The original is kept beside a copy that is turned or stored in a finer way; in doubt a person decides."""

import io
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageOps

import dedup_assets
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

TURNS = {
    "mirrored": ImageOps.mirror,
    "upside down": ImageOps.flip,
    "a quarter": lambda picture: picture.transpose(Image.Transpose.ROTATE_90),
    "half": lambda picture: picture.transpose(Image.Transpose.ROTATE_180),
}


def groups(photos: Path, results: Path) -> dict[str, tuple[str, str]]:
    """Role and kept image of each file, by its name."""
    assert dedup_assets.run(photos, results) == 0
    rows = dedup_assets.load(str(results)).groups().select("filename", "role", "keep").iter_rows()
    return {Path(name).name: (role, Path(keep).name) for name, role, keep in rows}


def groups_with_reviews(photos: Path, results: Path) -> dict[str, str]:
    """Why a person decides about each file, by its name."""
    assert dedup_assets.run(photos, results) == 0
    rows = dedup_assets.load(str(results)).groups().select("filename", "review").iter_rows()
    return {Path(name).name: review for name, review in rows}


def test_a_copy_of_few_colours_never_takes_its_original(tmp_path: Path) -> None:
    for seed in range(4):
        original = save_jpeg(tmp_path / "photos" / f"z {seed}.jpg", photo_like(seed, 403, 301), 92)
        with Image.open(original) as opened:
            opened.convert("RGB").quantize(256).save(tmp_path / "photos" / f"a {seed}.gif")
    found = groups(tmp_path / "photos", tmp_path / "results")
    assert not [name for name, (role, _) in found.items() if name.endswith(".jpg") and role == "copy"]


def test_a_file_brought_to_a_table_of_colours_is_not_kept_for_its_original(tmp_path: Path) -> None:
    """Beside the photograph in fine steps, beside a file of its pixels without loss, and beside both."""
    photos = tmp_path / "photos"
    for seed, name in enumerate(("fine", "lossless", "both")):
        original = save_jpeg(photos / f"z {name}.jpg", photo_like(seed, 403, 301), 95)
        with Image.open(original) as opened:
            picture = opened.convert("RGB")
        picture.convert("P").save(photos / f"a {name}.png")
        if name != "fine":
            picture.save(photos / f"m {name}.png")
    (photos / "z lossless.jpg").unlink()
    found = groups(photos, tmp_path / "results")
    assert {name: role for name, (role, _) in found.items() if name[0] == "a"} == {
        f"a {name}.png": "review" for name in ("fine", "lossless", "both")
    }
    assert [found[name][0] for name in ("z fine.jpg", "m lossless.png", "z both.jpg")] == ["keep"] * 3


def test_a_person_decides_where_lossless_files_differ_in_a_pixel_or_a_hole(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for seed, name in enumerate(("pixel", "hole", "row", "mirrored")):
        picture = photo_like(seed, 303, 201)
        ImageDraw.Draw(picture).rectangle((0, 0, 20, 20), "white")
        picture.save(photos / f"{name}.png")
        other = picture.copy()
        if name == "pixel":
            other.putpixel((99, 99), (255, 0, 0))
        elif name == "row":
            other = picture.resize((303, 202))
        other = ImageOps.mirror(picture) if name == "mirrored" else other
        hole = {"transparency": (255, 255, 255)} if name == "hole" else {}
        other.save(photos / f"{name} other.png", compress_level=0, **hole)
    rows = groups_with_reviews(photos, tmp_path / "results")
    reviews = {name.split()[0].removesuffix(".png"): review for name, review in rows.items() if review}
    assert reviews == {
        "pixel": "changed in detail",
        "hole": "has no transparent parts, and the kept image has",
        "row": "may be the original: nothing says which of the two was made from the other",
        "mirrored": "is the other way round, and nothing says which one came first",
    }


def test_photographs_with_another_number_written_on_them_are_left_to_a_person(tmp_path: Path) -> None:
    qualities = (92, 70)
    for seed in range(3):
        for number, quality in zip("56", qualities, strict=True):
            picture = photo_like(seed, 643, 481).copy()
            ImageDraw.Draw(picture).text((290, 200), number, "white", font_size=40)
            save_jpeg(tmp_path / "photos" / f"{seed} {number}.jpg", picture, quality)
        with Image.open(tmp_path / "photos" / f"{seed} 5.jpg") as opened:
            save_jpeg(tmp_path / "photos" / f"{seed} 5 again.jpg", opened.convert("RGB"), qualities[1])
    roles = {name: role for name, (role, _) in groups(tmp_path / "photos", tmp_path / "results").items()}
    assert roles == {
        **{f"{seed} 5.jpg": "keep" for seed in range(3)},
        **{f"{seed} 5 again.jpg": "copy" for seed in range(3)},
        **{f"{seed} 6.jpg": "review" for seed in range(3)},
    }


def test_another_number_is_seen_also_where_nothing_is_known_of_compression(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    endings = ("png", "png", "png", "webp", "webp", "webp")
    for seed, ending in enumerate(endings):
        for number in "56":
            picture = photo_like(seed, 643, 481).copy()
            ImageDraw.Draw(picture).text((290, 200), number, "white", font_size=40)
            picture.save(photos / f"{seed} {number}.{ending}", quality=95)
        with Image.open(photos / f"{seed} 5.{ending}") as opened:
            opened.convert("RGB").save(photos / f"{seed} 5 again.webp", quality=70)
            ImageOps.mirror(opened.convert("RGB")).save(photos / f"{seed} 5 mirrored.webp", quality=70)
    found = groups(photos, tmp_path / "results")
    kept = {keep for _, keep in found.values()}
    for seed, ending in enumerate(endings):
        assert {found[f"{seed} {number}.{ending}"][0] for number in "56"} == {"keep", "review"}
        is_told = ending == "png" and f"{seed} 5.png" in kept  # of two WebP files nothing says which was stored again
        assert (found[f"{seed} 5 again.webp"][0] == "copy") == is_told


def test_reduced_photographs_with_another_number_are_left_to_a_person(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for seed in range(3):
        for number in ("12.03.2017", "12.03.2019"):
            picture = photo_like(seed, 803, 601).copy()
            ImageDraw.Draw(picture).text((290, 200), number, "white", font_size=30)
            side = 803 if number.endswith("7") else 602
            save_jpeg(photos / f"{seed} {number}.jpg", picture.resize((side, side * 601 // 803)), 88)
        with Image.open(photos / f"{seed} 12.03.2017.jpg") as opened:
            save_jpeg(photos / f"{seed} small.jpg", opened.convert("RGB").resize((602, 450)), 80)
    roles = {name: role for name, (role, _) in groups(photos, tmp_path / "results").items()}
    assert [roles[f"{seed} 12.03.2019.jpg"] for seed in range(3)] == ["review"] * 3
    assert [roles[f"{seed} small.jpg"] for seed in range(3)] == ["copy"] * 3


def test_a_print_with_writing_on_its_border_does_not_go_for_its_cut_form(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for seed, words in enumerate(("", "Summer 1973", "")):
        picture = photo_like(seed, 500, 400)
        print_ = ImageOps.expand(picture, (30, 30, 30, 110), "#f4f2ec")
        ImageDraw.Draw(print_).text((60, 450), words, "#203070", font_size=40)
        save_jpeg(photos / f"{seed} print.jpg", print_, 90)
        save_jpeg(photos / f"{seed} cut.jpg", picture, 90)
    roles = {name: role for name, (role, _) in groups(photos, tmp_path / "results").items()}
    assert roles["1 print.jpg"] != "copy"
    assert [roles[f"{seed} print.jpg"] for seed in (0, 2)] == ["copy"] * 2


def test_a_reduced_picture_of_a_thing_in_another_colour_is_left_to_a_person(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for seed in range(3):
        picture = photo_like(seed, 803, 601)
        save_jpeg(photos / f"{seed}.jpg", picture, 90)
        right = picture.crop((400, 0, 803, 601)).convert("YCbCr")
        light, blue, red = right.split()
        tinted = Image.merge("YCbCr", (light, blue.point(lambda level: level - 12), red)).convert("RGB")
        other = picture.copy()
        other.paste(tinted, (400, 0))
        save_jpeg(photos / f"{seed} tinted.jpg", other.rotate(90, expand=True).resize((450, 602)), 85)
        save_jpeg(photos / f"{seed} small.jpg", picture.rotate(90, expand=True).resize((450, 602)), 85)
    roles = {name: role for name, (role, _) in groups(photos, tmp_path / "results").items()}
    assert [roles.get(f"{seed} tinted.jpg", "alone") for seed in range(3)] == ["review"] * 3
    assert [roles[f"{seed} small.jpg"] for seed in range(3)] == ["copy"] * 3


@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_an_original_is_kept_beside_a_turned_copy_of_higher_quality(ending: str, tmp_path: Path) -> None:
    for seed, (name, turn) in enumerate(TURNS.items()):
        original = save_jpeg(tmp_path / "photos" / f"z {name}.jpg", photo_like(seed, 403, 301), 80)
        with Image.open(original) as opened:
            turn(opened.convert("RGB")).save(tmp_path / "photos" / f"a {name} copy.{ending}", quality=96)
    found = groups(tmp_path / "photos", tmp_path / "results")
    assert found == {
        **{f"z {name}.jpg": ("keep", f"z {name}.jpg") for name in TURNS},
        **{f"a {name} copy.{ending}": ("copy", f"z {name}.jpg") for name in TURNS},
    }


def test_a_turned_copy_of_lower_quality_is_one_and_no_more_than_a_copy(tmp_path: Path) -> None:
    for seed, (name, turn) in enumerate(TURNS.items()):
        original = save_jpeg(tmp_path / "photos" / f"z {name}.jpg", photo_like(seed, 403, 300), 95)
        with Image.open(original) as opened:
            save_jpeg(tmp_path / "photos" / f"a {name}.jpg", turn(opened.convert("RGB")), 60)
    found = groups(tmp_path / "photos", tmp_path / "results")
    assert {name: role for name, (role, _) in found.items()} == {
        **{f"z {name}.jpg": "keep" for name in TURNS},
        **{f"a {name}.jpg": "copy" for name in TURNS},
    }


def test_where_nothing_says_which_way_round_is_right_a_person_decides(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for seed, (name, turn) in enumerate(TURNS.items()):
        photo_like(seed, 403, 300).save(photos / f"{name}.png")
        turn(photo_like(seed, 403, 300)).save(photos / f"{name} turned.png")
    found = groups(photos, tmp_path / "results")
    assert sorted(role for role, _ in found.values()) == ["keep"] * len(TURNS) + ["review"] * len(TURNS)
    review = dedup_assets.load(str(tmp_path / "results")).groups().filter(role="review")["review"]
    assert set(review) == {"is the other way round, and nothing says which one came first"}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """Role and kept image of originals, `z`, and of what was made from each, `a`."""
    top = tmp_path_factory.mktemp("pairs")
    photos, turned, camera = top / "photos", Image.Exif(), Image.Exif()
    photos.mkdir()
    turned[0x0112], camera[0x0110] = 6, "Camera 1"
    photo_like(5, 403, 300).save(photos / "z turned.jpg", quality=80, exif=turned)
    save_jpeg(photos / "z lossless.jpg", photo_like(6, 403, 300), 85)
    save_jpeg(photos / "z camera.jpg", photo_like(3, 403, 301), 92)
    for name in ("turned", "lossless", "camera"):
        with Image.open(photos / f"z {name}.jpg") as opened:
            picture = opened.convert("RGB")
        if name == "turned":
            picture.save(photos / "a turned.png")  # as a program does that does not heed the orientation
        elif name == "lossless":  # rounds otherwise
            picture.point(lambda level: min(level + level % 2, 255)).save(photos / "a lossless.png")
        else:
            picture.save(photos / "a camera.jpg", quality=50, exif=camera)
    return groups(photos, top / "results")


@pytest.mark.parametrize(
    ("made", "role"),
    [
        pytest.param("a turned.png", "copy", id="upright, beside its stored rows"),
        pytest.param("a lossless.png", "review", id="JPEG, beside a lossless file that was made from it"),
        pytest.param("a camera.jpg", "review", id="finer, beside a coarser file that alone names a camera"),
    ],
)
def test_an_original_is_kept_beside_what_was_made_from_it(
    made: str, role: str, pairs: dict[str, tuple[str, str]]
) -> None:
    original = f"z {made.split()[1].partition('.')[0]}.jpg"
    assert (pairs[original], pairs[made]) == (("keep", original), (role, original))


def test_an_original_with_an_earlier_life_is_not_taken_for_its_turned_copy(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for seed, (turn, quality) in enumerate(itertools.product(TURNS.values(), (75, 90))):
        earlier = save_jpeg(tmp_path / "earlier.jpg", photo_like(seed, 400, 304), quality)
        with Image.open(earlier) as opened:
            save_jpeg(photos / f"z {seed}.jpg", opened.convert("RGB"), 97)
        with Image.open(photos / f"z {seed}.jpg") as opened:
            save_jpeg(photos / f"a {seed}.jpg", turn(opened.convert("RGB")), quality)
    found = groups(photos, tmp_path / "results")
    assert all(name.startswith("a ") for name, (role, _) in found.items() if role == "copy")


def test_an_original_is_no_copy_of_what_may_be_made_from_it(tmp_path: Path) -> None:
    """Saved again in finer steps, a little larger, or lighter and without loss."""
    photos = tmp_path / "photos"
    for seed, name in enumerate(("finer", "larger", "lighter", "nearly as fine")):
        save_jpeg(photos / f"z {name}.jpg", photo_like(seed, 403, 301), 85)
        with Image.open(photos / f"z {name}.jpg") as opened:
            picture = opened.convert("RGB")
        if name == "finer":
            save_jpeg(photos / "a finer.jpg", picture, 96)
        elif name == "nearly as fine":
            save_jpeg(photos / "a nearly as fine.jpg", picture, 88)
        elif name == "larger":
            save_jpeg(photos / "a larger.jpg", picture.resize((411, 307), Image.Resampling.BICUBIC), 95)
        else:
            picture.point(lambda level: min(round(level * 1.15), 255)).save(photos / "a lighter.png")
    found = groups(photos, tmp_path / "results")
    assert found["a finer.jpg"][0] == "review"  # an original that was stored as it is once more looks the same
    assert {name: found[name][0] for name in found if name.startswith("z")} == {
        "z finer.jpg": "keep",
        "z larger.jpg": "review",
        "z lighter.jpg": "review",
        "z nearly as fine.jpg": "review",
    }


def _once_coarse(picture: Image.Image) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=15)
    return Image.open(file).convert("RGB")


def _with_hidden_face(picture: Image.Image) -> Image.Image:
    box = (120, 80, 184, 144)
    face = picture.crop(box).resize((6, 6), Image.Resampling.BOX).resize((64, 64), Image.Resampling.NEAREST)
    picture.paste(face, box)
    return picture


EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "sharper": lambda picture: picture.filter(ImageFilter.UnsharpMask(2, 80, 2)),
    "softer": lambda picture: picture.filter(ImageFilter.GaussianBlur(0.8)),
    "lighter": lambda picture: picture.point(lambda level: min(round(level * 1.15), 255)),
    "sepia": lambda picture: ImageOps.colorize(picture.convert("L"), "#201000", "#fff0d0"),
    "hidden face": _with_hidden_face,
    "once coarse": _once_coarse,
}


def test_no_original_without_exif_goes_beside_an_edit_that_names_a_camera(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0110] = "Camera 1"
    for seed, (name, edit) in enumerate(EDITS.items()):
        original = save_jpeg(tmp_path / "photos" / f"z {name}.jpg", photo_like(seed, 403, 301), 88)
        with Image.open(original) as opened:
            edit(opened.convert("RGB")).save(tmp_path / "photos" / f"a {name}.jpg", quality=98, exif=exif)
    found = groups(tmp_path / "photos", tmp_path / "results")
    originals = {role for name, (role, _) in found.items() if name.startswith("z")}
    assert len(found) == 2 * len(EDITS)
    assert originals <= {"keep", "review"}
