"""`load` gives each result as a table, and answers what users ask of them."""

import os
import random
from pathlib import Path

import polars as pl
import pytest

import dedup_assets
from dedup_assets.engine.core.errors import PlanError, SettingsError, WorkDirError
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

ODD = b"odd \xff.jpg"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Photographs, and the results of a run over them."""
    folder = tmp_path_factory.mktemp("photos")
    first = save_jpeg(folder / "a" / "first.jpg", photo_like(1))
    for name in (b"again.jpg", ODD):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(first.read_bytes())
    save_jpeg(folder / "b" / "small.jpg", photo_like(1).resize((200, 150)))
    save_jpeg(folder / "b" / "other.jpg", photo_like(2))
    (folder / "empty.jpg").touch()
    results = tmp_path_factory.mktemp("results")
    assert dedup_assets.run(folder, results, threshold=0.8) == 0
    return folder, results


def base_names(names: list[str]) -> set[str]:
    return {Path(name).name for name in names}


def test_groups_are_lists_of_names_with_the_kept_one_first(made: tuple[Path, Path]) -> None:
    (cluster,) = dedup_assets.load(made[1]).clusters()
    assert base_names(cluster) == {"again.jpg", os.fsdecode(ODD), "first.jpg", "small.jpg"}
    assert cluster[0] == str(made[0] / "again.jpg")  # in fewer folders
    assert all(Path(name).exists() for name in cluster)


def test_only_files_with_the_same_bytes_are_dropped_unless_one_asks_for_more(made: tuple[Path, Path]) -> None:
    results = dedup_assets.load(made[1])
    assert base_names(results.to_drop()) == {"first.jpg", os.fsdecode(ODD)}
    assert base_names(results.to_drop(["exact", "copy"])) == {"first.jpg", os.fsdecode(ODD), "small.jpg"}
    assert base_names(results.to_keep()) == {"again.jpg", "small.jpg", "other.jpg"}
    assert set(results.to_keep(["copy"])) | set(results.to_drop(["copy"])) == set(results.to_keep([]))


@pytest.mark.parametrize("beside", ["first.xmp", "first.jpg.json", "first.cr2", "first.mov"])
def test_a_copy_beside_which_lies_what_the_kept_image_lacks_is_not_dropped(
    made: tuple[Path, Path], beside: str
) -> None:
    companion = made[0] / "a" / beside
    companion.write_bytes(b"what only the copy has")
    try:
        results = dedup_assets.load(made[1])
        assert base_names(results.to_drop()) == {os.fsdecode(ODD)}
        assert "first.jpg" in base_names(results.to_keep())
        assert base_names([os.fsdecode(name) for name in results.plan()["filename"]]) == {os.fsdecode(ODD)}
    finally:
        companion.unlink()


def test_a_copy_to_which_a_link_leads_is_not_dropped(tmp_path: Path) -> None:
    first = save_jpeg(tmp_path / "photos" / "a.jpg", photo_like(1))
    for name in ("b/linked.jpg", "b/plain.jpg"):
        (tmp_path / "photos" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(first.read_bytes())
    (tmp_path / "photos" / "link.jpg").symlink_to("b/linked.jpg")
    assert dedup_assets.run(tmp_path / "photos", tmp_path / "out") == 0
    results = dedup_assets.load(tmp_path / "out")
    assert base_names(results.to_drop()) == {"plain.jpg"}
    assert base_names([os.fsdecode(name) for name in results.plan()["filename"]]) == {"plain.jpg"}


def test_a_plan_as_a_table_names_what_the_command_would_write(made: tuple[Path, Path]) -> None:
    results = dedup_assets.load(made[1])
    for only in ("exact", "exact,copy"):
        rows = results.plan(only)
        assert base_names([os.fsdecode(name) for name in rows["filename"]]) == base_names(
            results.to_drop(only.split(","))
        )
        assert set(rows["action"]) == {"trash"}
    with pytest.raises(PlanError, match="only='nothing'"):
        results.plan("nothing")


def test_leaks_are_a_table_where_the_run_had_sets(made: tuple[Path, Path], tmp_path: Path) -> None:
    folder, results = made
    with pytest.raises(WorkDirError, match="sets"):
        dedup_assets.load(results).leaks()
    sets = [f"train={folder / 'a'}", f"test={folder / 'again.jpg'}"]
    dedup_assets.run([], tmp_path / "out", sets=sets, max_leaks=10)
    leaks = dedup_assets.load(tmp_path / "out").leaks()
    assert leaks.select("a", "b", "relation").rows() == [
        (str(folder / "a" / "first.jpg"), str(folder / "again.jpg"), "exact")
    ]


@pytest.mark.parametrize("relations", ["variant", ["exact", "variant"], "exact,review", "", None, 5, [b"exact"]])
def test_what_is_no_copy_is_never_dropped(made: tuple[Path, Path], relations: list[str]) -> None:
    with pytest.raises(SettingsError, match="must be one or several of exact, pixels, copy, same"):
        dedup_assets.load(made[1]).to_drop(relations)


def test_one_relation_or_several_may_be_given_as_text_or_list(made: tuple[Path, Path]) -> None:
    results = dedup_assets.load(made[1])
    for several in ("exact,copy", ["exact", "copy"], ("copy", "exact"), ["exact,copy"]):
        assert len(results.to_drop(several)) == results.plan(several).height == 3
    assert results.to_drop("copy") == results.to_drop(["copy"]) == [str(made[0] / "b" / "small.jpg")]
    for wrong in (7, [], [1], ["exact", "same picture"]):
        with pytest.raises(PlanError, match="must be one or more of exact"):
            results.plan(wrong)  # type: ignore[arg-type]


def test_of_the_same_copies_of_a_copy_one_stays(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    first = save_jpeg(photos / "a.jpg", photo_like(1))
    small = save_jpeg(photos / "small.jpg", photo_like(1).resize((200, 150)))
    for name, source in (("b.jpg", first), ("small2.jpg", small)):
        (photos / name).write_bytes(source.read_bytes())
    assert dedup_assets.run(photos, tmp_path / "out") == 0
    results = dedup_assets.load(tmp_path / "out")
    assert base_names(results.to_drop()) == {"b.jpg", "small2.jpg"}
    assert base_names(results.to_keep()) == {"a.jpg", "small.jpg"}
    assert base_names(results.to_drop("copy")) == {"small.jpg", "small2.jpg"}


@pytest.mark.parametrize("seed", range(5))
def test_what_is_to_drop_is_what_a_plan_takes_and_its_bytes_stay(tmp_path: Path, seed: int) -> None:
    rng, photos = random.Random(seed), tmp_path / "photos"  # noqa: S311 - no secret
    for number in range(3):
        picture = photo_like(10 * seed + number)
        for version in range(rng.randint(1, 3)):
            scale = (1.0, 0.5, 0.8)[version]
            size = (round(picture.width * scale), round(picture.height * scale))
            made = save_jpeg(photos / f"d{rng.randint(0, 2)}" / f"{number}.{version}.jpg", picture.resize(size))
            for again in range(rng.randint(0, 3)):
                _save_again(rng, photos, made, f"{number}.{version}.{again}")
    kept = [f"{photos / 'd0'}:{rng.choice(['protected', 'reference'])}"] if rng.random() < 0.5 else []
    assert dedup_assets.run(photos, tmp_path / "out", roots=kept) == 0
    results = dedup_assets.load(tmp_path / "out")
    gone = [Path(name) for name in results.to_drop() if rng.random() < 0.2]
    for path in gone:
        path.unlink()
    drop, keep = results.to_drop(), results.to_keep()
    planned = results.plan().filter(~pl.col("relation").is_in(["sidecar", "half"]))["filename"].to_list()
    assert sorted(drop) == sorted(planned)
    good = results.images().filter(pl.col("error_code").is_null())["filename"].to_list()
    assert sorted([*drop, *keep]) == sorted(good)
    there = {Path(name).read_bytes() for name in keep if Path(name).exists()}
    assert {Path(name).read_bytes() for name in drop} <= there


def _save_again(rng: random.Random, photos: Path, made: Path, stem: str) -> None:
    """The same bytes at another place, with what may lie beside a photograph or lead to it."""
    again = photos / f"d{rng.randint(0, 2)}" / f"{stem}.jpg"
    again.parent.mkdir(exist_ok=True)
    again.write_bytes(made.read_bytes())
    beside = rng.choice(["", "", "", "", ".xmp", ".CR2", ".MOV", "link"])
    if beside == "link":
        (photos / f"{stem}-link.jpg").symlink_to(again)
    elif beside:
        for image in rng.sample([made, again], rng.randint(1, 2)):
            image.with_suffix(beside).write_bytes(beside.encode())


def test_twins_of_an_image_are_found_by_the_end_of_its_name(made: tuple[Path, Path]) -> None:
    results = dedup_assets.load(made[1])
    assert base_names(results.twins("small.jpg")) == {"again.jpg", os.fsdecode(ODD), "first.jpg"}
    assert results.twins(made[0] / "b" / "other.jpg") == []
    with pytest.raises(SettingsError, match="is not there"):
        results.twins("mall.jpg")


def test_each_table_is_read_and_names_are_text_where_all_are_utf8(made: tuple[Path, Path]) -> None:
    results = dedup_assets.load(made[1])
    assert repr(results).endswith(": 5 images, 1 bad)")
    assert results.bad_images()["filename"].to_list() == [str(made[0] / "empty.jpg")]
    images = results.images()
    assert images.schema["filename"] == pl.Binary  # one is not UTF-8
    assert images.height == 6
    assert images["group_id"].null_count() == 2
    assert results.pairs().columns == ["from", "to", "similarity"]
    assert results.pairs()["similarity"].is_sorted(descending=True)
    assert set(results.evidence()["relation"]) >= {"exact", "copy"}
    assert results.groups().height == 4
    assert results.components().height == 5
    assert results.outliers().columns == results.pairs().columns
    isolated = results.isolated(share=0.5)
    assert isolated.columns == ["filename", "nearest", "similarity", "mean_similarity"]
    assert isolated["filename"][0] == str(made[0] / "b" / "other.jpg")
    assert isolated["mean_similarity"].is_sorted()
    assert results.related().columns[0] == "group_id"


def test_a_folder_without_results_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorkDirError, match=tmp_path.name):
        dedup_assets.load(tmp_path)


def test_leaks_that_nothing_has_decided_are_given_where_they_are_asked_for(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sets = {name: tmp_path / name for name in ("train", "test")}
    save_jpeg(sets["train"] / "a.jpg", photo_like(1))
    save_jpeg(sets["test"] / "a.jpg", photo_like(1).resize((300, 200)))
    uncompared = {"evidence_pairs_per_image": 0, "threshold": 0.8}
    found = dedup_assets.analyze(work_dir=tmp_path / "out", sets=sets, **uncompared)
    assert found.results.leaks(unverified=True).select("verified", "role").rows() == [(False, "undecided")]
    assert (found.leaks.height, found.results.leaks().height) == (0, 0)
    assert found.results.leak_matrix()["groups"].to_list() == [0, 0, 0, 0]
    assert found.results.split_fix().columns == [
        *("set", "filename", "action", "other_set", "because_of", "relation", "review"),
    ]
    assert dedup_assets.run(work_dir=tmp_path / "out", sets=sets, **uncompared) == 0
    said = "leaks: none; 1 pair across sets not decided by pixels (role undecided in leaks.csv; "
    assert said in capfd.readouterr().out


def test_a_misspelt_question_is_answered_with_the_one_that_was_meant(made: tuple[Path, Path]) -> None:
    results = dedup_assets.load(made[1])
    for name, meant in (("cluster", "clusters"), ("to_dorp", "to_drop"), ("evidences", "evidence")):
        with pytest.raises(AttributeError, match=rf"'{name}' \(did you mean '{meant}'\?\): it has .*bad_images, "):
            getattr(results, name)
    for name in ("anlyze", "create"):  # the latter is of fastdup 2
        with pytest.raises(AttributeError, match=rf"has no attribute '{name}' \(did you mean 'analyze'\?\)"):
            getattr(dedup_assets, name)
    assert set(dedup_assets.api.__all__) - {"Analysis"} == set(dedup_assets.__all__) - {"__version__"}
    with pytest.raises(SettingsError, match=r"exact, pixels, copy, same \(did you mean 'exact'\?\)"):
        results.to_drop(["exat"])
    with pytest.raises(PlanError, match=r"with commas between them \(did you mean 'pixels'\?\)"):
        results.plan(only="exact,pixel")
    with pytest.raises(SettingsError, match="share=True: must be more than 0"):
        results.isolated(share=True)
    with pytest.raises(AttributeError, match="no attribute 'xyz': it has "):
        results.xyz  # noqa: B018
    assert not hasattr(results, "_repr_png_")
