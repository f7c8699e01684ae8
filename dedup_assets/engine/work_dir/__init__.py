"""The work_dir: where it is, and every file in it."""

from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.neighbor_ranges import NeighborRanges
from dedup_assets.engine.work_dir.shards import ShardStore

__all__ = ["NeighborRanges", "ShardStore", "WorkDir"]
