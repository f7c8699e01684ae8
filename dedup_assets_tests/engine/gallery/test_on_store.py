"""A gallery in a work_dir on a store takes few requests."""

from collections import Counter
from pathlib import Path
from threading import Semaphore

from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.gallery.building import build_gallery
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.gallery_files import write_gallery
from dedup_assets_tests.support.faulty_server import faulty_bucket
from dedup_assets_tests.support.galleries import make_results, save_pictures


def test_each_file_of_a_gallery_is_one_request_and_several_are_under_way(tmp_path: Path) -> None:
    names = save_pictures(tmp_path / "photos", [b"%d.jpg" % n for n in range(10)])
    gallery = build_gallery(make_results(names), Settings(work_dir=str(tmp_path), num_threads=2))
    others = Semaphore(0)
    together: list[bool] = []

    def rule(method: str, path: str, before: int) -> None:
        del method, before
        if path.endswith("/thumbs/000/0.jpg"):  # is answered after three others are requested
            together.extend(others.acquire(timeout=100) for _ in range(3))
        elif "/thumbs/" in path:
            others.release()

    with faulty_bucket("slow") as (server, bucket):
        server.rule = rule
        write_gallery(WorkDir("s3://slow/out"), gallery)
        stored = {item.key for item in bucket.objects.all()}
    asked = Counter(
        method for (method, path), times in server.asked.items() for _ in range(times) if f"/{gallery.folder}/" in path
    )
    assert asked["PUT"] == len(list(gallery.files)) + 1  # and their list
    assert "POST" not in asked
    assert {f"out/gallery/{gallery.folder}/{path}" for path, _ in gallery.files} <= stored
    assert together == [True] * 3
