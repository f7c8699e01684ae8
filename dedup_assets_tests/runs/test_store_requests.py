"""A run on a store asks for each file once."""

from collections import Counter
from pathlib import Path

import dedup_assets
from dedup_assets_tests.support.faulty_server import faulty_bucket
from dedup_assets_tests.support.models import save_mean_model
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

READ_AGAIN = (
    "config.json",
    ".published.json",
    "/.lock/",
    "/.publishing/",
    "/verdicts.csv",
    "/search.json",
)  # they say what others do meanwhile


def test_a_second_run_with_nothing_new_fetches_each_file_once_and_lists_little(tmp_path: Path) -> None:
    model = save_mean_model(tmp_path / "model.onnx", ["n", 16, 16, 3], dimension=8)
    for number in range(6):
        save_jpeg(tmp_path / "photos" / f"{number}.jpg", photo_like(number % 4, 64, 48))
    with faulty_bucket("asked") as (server, _):
        for _ in range(2):
            server.asked.clear()
            assert dedup_assets.run(tmp_path / "photos", "s3://asked/out", model_path=model, num_threads=1) == 0
        asked = Counter(server.asked)
    again = {path for (method, path), times in asked.items() if method == "GET" and times > 1 and path != "/asked"}
    assert {path for path in again if not any(part in path for part in READ_AGAIN)} == set()
    assert sum(asked.values()) < 200  # 427 when each step and check asked for itself
