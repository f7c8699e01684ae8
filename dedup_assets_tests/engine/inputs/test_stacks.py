"""What belongs to an image, by the names of the files beside it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup_assets.engine.inputs.stacks import Stacks

LONG = "a photograph whose name goes on and on and on for ever.jpg"


@pytest.mark.parametrize(
    ("image", "others", "wanted"),
    [
        (
            "IMG_1.JPG",
            "IMG_1.xmp IMG_1.AAE IMG_1.JPG.xmp IMG_10.xmp IMG_2.aae",
            "*.xmp=IMG_1.JPG.xmp .aae=IMG_1.AAE .xmp=IMG_1.xmp",
        ),
        ("IMG_1.jpg", "IMG_1.jpg.json IMG_2.jpg.json IMG_1.png.json", ".json=IMG_1.jpg.json"),
        ("IMG_1.jpg", "IMG_1.jpg.supplemental-metada.json", ".json=IMG_1.jpg.supplemental-metada.json"),
        ("IMG_1.jpg", "IMG_1.jpg.mine.json IMG_10.json IMG_1.csv", ""),
        ("0001.jpg", "0001.txt 0001.json 0002.txt", ".json=0001.json .txt=0001.txt"),
        (
            "IMG_1.jpg",
            "IMG_1.pp3 IMG_1.jpg.dop IMG_1.WAV IMG_2.thm IMG_1.mie",
            "*.dop=IMG_1.jpg.dop .mie=IMG_1.mie .pp3=IMG_1.pp3 .wav=IMG_1.WAV",
        ),
        ("IMG_1(2).jpg", "IMG_1.jpg(2).json IMG_1.jpg.json", ".json=IMG_1.jpg(2).json"),
        (
            "IMG_1(2).jpg",
            "IMG_1.jpg.supplemental-metadata(2).json IMG_1.jpg.supplemental-metadata.json",
            ".json=IMG_1.jpg.supplemental-metadata(2).json",
        ),
        ("IMG_1.jpg", "IMG_1.jpg_original IMG_1.jpeg_original", "*_original=IMG_1.jpg_original"),
        ("IMG_1.jpg", "IMG_1.jpg.out.pp3 IMG_1.arp", "*.out.pp3=IMG_1.jpg.out.pp3 .arp=IMG_1.arp"),
        ("IMG_1.jpg", "IMG_1_01.jpg.xmp IMG_10_01.jpg.xmp", "*_01.jpg.xmp=IMG_1_01.jpg.xmp"),
        ("IMG_1.jpg", "IMG_1_02.jpg IMG_1_02.jpg.xmp", ""),
        ("IMG_12.HEIC", "IMG_O12.AAE IMG_O1.AAE", "o.aae=IMG_O12.AAE"),
        ("IMG_1.jpg", "IMG_1.photo-edit IMG_1.onphoto", ".onphoto=IMG_1.onphoto .photo-edit=IMG_1.photo-edit"),
        ("IMG_1.jpg", "IMG_1.acdc .picasa.ini descript.ion", ".acdc=IMG_1.acdc"),
        ("IMG_1.jpg", "IMG_1.CR2 IMG_1.xmp", ".cr2=IMG_1.CR2 .xmp=IMG_1.xmp"),
        ("IMG_1.CR2", "IMG_1.jpg", ".jpg=IMG_1.jpg"),
        ("IMG_1.HEIC", "IMG_1.MOV IMG_1.txt", ".mov=IMG_1.MOV .txt=IMG_1.txt"),
        ("IMG_1.png", "IMG_1.MOV IMG_1.CR2", ""),
        ("IMG_1.jpg", "IMG_1.cr2 IMG_1.cr2.xmp", ".cr2.xmp=IMG_1.cr2.xmp .cr2=IMG_1.cr2"),
        ("IMG_1.jpg", "IMG_1.HEIC IMG_1.MOV", ".heic=IMG_1.HEIC .mov=IMG_1.MOV"),
        ("IMG_1.jpg", "IMG_1.HEIC", ""),
        ("IMG_1.png", "IMG_1.jpg IMG_1.xmp", ""),
        ("alone.jpg", "", ""),
        (LONG, f"{LONG[:46]}.json {LONG[:45]}.json", f".json={LONG[:46]}.json"),
    ],
)
def test_what_belongs_to_an_image_is_found_by_its_name(image: str, others: str, wanted: str) -> None:
    names = others.split() if LONG[:4] not in others else [each + ".json" for each in others.split(".json") if each]
    leaves = [name.strip().encode() for name in [image, *names]]
    found = Stacks(lambda folder: leaves if folder == b"/top" else ()).beside(b"/top/" + image.encode())
    said = {**found.sidecars, **found.halves}
    shown = sorted(f"{kind.decode()}={name.decode().removeprefix('/top/')}" for name, kind in said.items())
    assert " ".join(shown) == wanted


def test_a_sidecar_that_images_of_one_stem_share_is_known_of_each_and_goes_with_none() -> None:
    stacks = Stacks(lambda folder: [b"1.jpg", b"1.png", b"1.xmp", b"2.jpg", b"2.cr2", b"2.xmp"])
    assert [stacks.beside(name).shared for name in (b"/a/1.jpg", b"/a/1.png")] == [{b"/a/1.xmp": b".xmp"}] * 2
    assert stacks.beside(b"/a/1.jpg").names == []
    assert stacks.beside(b"/a/2.jpg").shared == {}


def test_each_folder_is_listed_once() -> None:
    asked: list[bytes] = []
    stacks = Stacks(lambda folder: asked.append(folder) or [b"1.jpg", b"2.jpg"])
    for name in (b"/a/1.jpg", b"/a/2.jpg", b"/b/1.jpg"):
        stacks.beside(name)
    assert asked == [b"/a", b"/b"]


def test_sidecars_in_the_folders_of_programs_belong_to_their_image() -> None:
    folders = {
        b"/top": b"1.jpg 1.CR2 ._1.jpg .comments .picasaoriginals CaptureOne NKSC_PARAM SILKYPIX_DS @eaDir "
        b".AppleDouble [Originals] .picasa.ini Descript.ion".split(),
        b"/top/.comments": b"1.jpg.xml 11.jpg.xml".split(),
        b"/top/.picasaoriginals": b"1.jpg 2.jpg".split(),
        b"/top/CaptureOne": b"Cache Settings1231".split(),
        b"/top/CaptureOne/Settings1231": b"1.CR2.cos".split(),
        b"/top/NKSC_PARAM": b"1.jpg.nksc".split(),
        b"/top/SILKYPIX_DS": b"1.JPG.9.spd 1.jpg.9.spd".split(),
        b"/top/CaptureOne/Cache": [],
        b"/top/@eaDir": b"1.jpg 1.jpg@SynoEAStream 11.jpg@SynoEAStream 1.CR2@SynoResource".split(),
        b"/top/.AppleDouble": b"1.jpg .Parent".split(),
        b"/top/[Originals]": b"1.jpg 1.xmp 2.jpg".split(),
    }
    stacks = Stacks(folders.__getitem__)
    beside = stacks.beside(b"/top/1.jpg")
    assert {name.removeprefix(b"/top/"): kind for name, kind in beside.sidecars.items()} == {
        b".comments/1.jpg.xml": b".comments/*.xml",
        b".picasaoriginals/1.jpg": b".picasaoriginals/*",
        b"CaptureOne/Settings1231/1.CR2.cos": b"CaptureOne/.cr2.cos",
        b"NKSC_PARAM/1.jpg.nksc": b"NKSC_PARAM/*.nksc",
        b"SILKYPIX_DS/1.jpg.9.spd": b"SILKYPIX_DS/*.9.spd",
    }
    assert {name.removeprefix(b"/top/"): kind for name, kind in beside.streams.items()} == {
        b"._1.jpg": b"._*",
        b".AppleDouble/1.jpg": b".AppleDouble/*",
        b"@eaDir/1.jpg@SynoEAStream": b"@eaDir/*@synoeastream",
        b"@eaDir/1.CR2@SynoResource": b"@eaDir/.cr2@synoresource",
    }
    assert set(beside.shared) == {b"/top/[Originals]/1.jpg", b"/top/[Originals]/1.xmp"}
    assert not beside.shared.keys() & set(beside.names)
    assert stacks.notes_of_folder(b"/top/1.jpg") == [b"/top/.picasa.ini", b"/top/Descript.ion"]


LEAVES = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "._", "."]),
        st.sampled_from(["a", "A", "a.jpg", "IMG_12", "img_O12", "a_01", "a(1)", "@eaDir", "[Originals]"]),
        st.sampled_from(["", ".jpg", ".jpg", ".png", ".mov", ".cr2", ".xmp", ".aae", ".json", ".txt", "_original"]),
    ),
)


@given(st.sets(LEAVES, min_size=1, max_size=5))
def test_a_file_that_belongs_to_nothing_changes_nothing(leaves: set[str]) -> None:
    def beside(more: set[bytes], name: bytes) -> object:
        within = {b"/photos": {*map(str.encode, leaves), *more}}
        return Stacks(lambda folder: within.get(folder, {b"a.jpg", b"a.jpg@SynoEAStream"})).beside(name)

    for leaf in leaves:
        name = b"/photos/" + leaf.encode()
        assert beside(set(), name) == beside({b"unlike.ini"}, name)
