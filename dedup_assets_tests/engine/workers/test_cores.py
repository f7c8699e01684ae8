"""The number of cores is that which this process may use, by affinity and quota."""

import os
from pathlib import Path

import pytest

from dedup_assets.engine.workers.cores import thread_count, usable_cores


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


V2 = {"proc/self/cgroup": "0::/\n"}
V2_NESTED = {"proc/self/cgroup": "0::/user.slice/job.scope\n"}
V1 = {"proc/self/cgroup": "12:memory:/docker/a1\n4:cpu,cpuacct:/docker/a1\n1:name=systemd:/docker/a1\n"}
V1_QUOTA, V1_PERIOD = "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us"


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        (V2, 8),
        (V2 | {"sys/fs/cgroup/cpu.max": "max 100000\n"}, 8),
        (V2 | {"sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2),
        (V2 | {"sys/fs/cgroup/cpu.max": "250000 100000\n"}, 3),
        (V2 | {"sys/fs/cgroup/cpu.max": "10000 100000\n"}, 1),
        (V2 | {"sys/fs/cgroup/cpu.max": "6400000 100000\n"}, 8),
        (V2 | {"sys/fs/cgroup/cpu.max": "nonsense\n"}, 8),
        (V2_NESTED | {"sys/fs/cgroup/user.slice/job.scope/cpu.max": "300000 100000\n"}, 3),
        (
            V2_NESTED
            | {
                "sys/fs/cgroup/user.slice/job.scope/cpu.max": "max 100000\n",
                "sys/fs/cgroup/user.slice/cpu.max": "200000 100000\n",
            },
            2,
        ),
        ({"proc/self/cgroup": "0::/../../other\n", "sys/fs/cgroup/cpu.max": "400000 100000\n"}, 4),
        (V1 | {V1_QUOTA: "-1\n", V1_PERIOD: "100000\n"}, 8),
        (V1 | {V1_QUOTA: "150000\n", V1_PERIOD: "100000\n"}, 2),
        (V1 | {V1_QUOTA: "150000\n"}, 8),
        (
            V1
            | {
                "sys/fs/cgroup/cpu/docker/a1/cpu.cfs_quota_us": "500000\n",
                "sys/fs/cgroup/cpu/docker/a1/cpu.cfs_period_us": "100000\n",
            },
            5,
        ),
    ],
)
def test_a_cpu_quota_of_either_version_of_cgroups_counts_as_cores(
    tmp_path: Path, files: dict[str, str], cores: int
) -> None:
    assert usable_cores(write(tmp_path, files)) == cores


def test_a_quota_outside_the_root_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, {"cpu.max": "100000 100000\n", "root/proc/self/cgroup": "0::/../../..\n"})
    assert usable_cores(tmp_path / "root") == 8


def test_minus_one_thread_is_one_per_core_and_other_numbers_are_kept() -> None:
    assert thread_count(-1) == usable_cores()
    assert thread_count(3) == 3
