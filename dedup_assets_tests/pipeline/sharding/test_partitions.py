"""The deployment, not the code, decides how many ranges one run takes."""

import dagster as dg
import pytest

from dedup_assets.definitions import build_definitions
from dedup_assets.engine.core.errors import SettingsError
from dedup_assets.engine.core.records import OffsetRange
from dedup_assets.pipeline.sharding.partitions import OFFSET_RANGES, register

SHARED_WORK = ("feature_shards", "neighbor_shards", "evidence_shards")


def policies() -> set[dg.BackfillPolicy | None]:
    graph = build_definitions(scale_out=True).resolve_asset_graph()
    return {graph.get(dg.AssetKey(name)).backfill_policy for name in SHARED_WORK}


def test_one_run_takes_all_ranges_on_one_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEDUP_RANGES_PER_RUN", raising=False)
    assert policies() == {dg.BackfillPolicy.single_run()}


def test_a_deployment_gives_each_run_so_many_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEDUP_RANGES_PER_RUN", "3")
    assert policies() == {dg.BackfillPolicy.multi_run(3)}


@pytest.mark.parametrize("given", ["0", "-1", "many", "1.5"])
def test_no_number_of_ranges_is_refused_by_name(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEDUP_RANGES_PER_RUN", given)
    with pytest.raises(SettingsError, match=rf"DEDUP_RANGES_PER_RUN='{given}': must be a whole number"):
        build_definitions(scale_out=True)


def test_ranges_are_registered_once_and_in_order_however_many(instance: dg.DagsterInstance) -> None:
    ranges = [OffsetRange(start, start + 1) for start in range(10_005)]
    asked_by = dg.AssetKey("image_manifest")
    register(instance, OFFSET_RANGES, asked_by, ranges[:3])
    assert register(instance, OFFSET_RANGES, asked_by, ranges) == 0
    assert list(instance.get_dynamic_partitions("offset_ranges")) == [offsets.key for offsets in ranges]


def test_ranges_that_are_no_more_are_kept_and_counted(instance: dg.DagsterInstance) -> None:
    ranges = [OffsetRange(start, start + 1) for start in range(5)]
    asked_by = dg.AssetKey(["shop", "image_manifest"])
    register(instance, OFFSET_RANGES, asked_by, ranges)
    assert register(instance, OFFSET_RANGES, asked_by, ranges[:2]) == 3
    assert len(instance.get_dynamic_partitions("shop_offset_ranges")) == 5
