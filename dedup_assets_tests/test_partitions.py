"""How ranges become runs: as the deployment says, not the code."""

import dagster as dg
import pytest

from dedup_assets.definitions import build_definitions
from dedup_assets.engine.errors import SettingsError
from dedup_assets.engine.records import OffsetRange
from dedup_assets.partitions import REGISTERED_AT_ONCE, offset_ranges, register

SHARED_WORK = ("feature_shards", "neighbor_shards")


def policies() -> set[dg.BackfillPolicy | None]:
    graph = build_definitions().resolve_asset_graph()
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
        build_definitions()


def test_ranges_are_registered_once_and_in_order_however_many() -> None:
    instance = dg.DagsterInstance.ephemeral()
    ranges = [OffsetRange(start, start + 1) for start in range(REGISTERED_AT_ONCE + 5)]
    register(instance, offset_ranges, ranges[:3])
    register(instance, offset_ranges, ranges)
    assert list(instance.get_dynamic_partitions("offset_ranges")) == [offsets.key for offsets in ranges]
