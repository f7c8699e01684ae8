"""Counters and latencies of the service, in the text format of Prometheus (version 0.0.4)."""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping

_SECONDS = (0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Measurements:
    """What has been asked since the start. May be called from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._buckets: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}
        self._images: Counter[str] = Counter()

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered.

        Args:
            route: pattern of its address, of which there are few.
            status: of the reply.
            seconds: from its headers to its reply.
        """
        with self._lock:
            self._requests[route, status] += 1
            buckets = self._buckets.setdefault(route, [0] * (len(_SECONDS) + 1))
            buckets[bisect_left(_SECONDS, seconds)] += 1
            self._seconds[route] = self._seconds.get(route, 0.0) + seconds

    def count_images(self, outcomes: Iterable[str]) -> None:
        """Count images that were asked about, by what was found: same_picture, resembled, nothing, bad."""
        with self._lock:
            self._images.update(outcomes)

    def render(self, gauges: Mapping[str, tuple[str, float]], generation: str) -> str:
        """All of it as text.

        Args:
            gauges: help and value of what is measured now, by name.
            generation: name of the results.
        """
        with self._lock:
            lines = [*self._counters(), *self._histogram()]
        for name, (said, value) in gauges.items():
            lines += [*_head(name, "gauge", said), f"dedup_{name} {value:g}"]
        lines += _head("generation_info", "gauge", "Name of the results that are asked.")
        lines.append(f"dedup_generation_info{{generation={_quoted(generation)}}} 1")
        return "\n".join(lines) + "\n"

    def _counters(self) -> list[str]:
        lines = _head("requests_total", "counter", "Requests by route and status.")
        lines += [
            f'dedup_requests_total{{route={_quoted(route)},status="{status}"}} {count}'
            for (route, status), count in sorted(self._requests.items())
        ]
        lines += _head("images_total", "counter", "Images asked about, by what was found.")
        return lines + [
            f"dedup_images_total{{outcome={_quoted(name)}}} {count}" for name, count in sorted(self._images.items())
        ]

    def _histogram(self) -> list[str]:
        lines = _head("request_seconds", "histogram", "Seconds from the headers of a request to its reply.")
        for route, buckets in sorted(self._buckets.items()):
            total = 0
            for bound, count in zip((*_SECONDS, "+Inf"), buckets, strict=True):
                total += count
                lines.append(f'dedup_request_seconds_bucket{{route={_quoted(route)},le="{bound}"}} {total}')
            lines.append(f"dedup_request_seconds_sum{{route={_quoted(route)}}} {self._seconds[route]:.6f}")
            lines.append(f"dedup_request_seconds_count{{route={_quoted(route)}}} {total}")
        return lines


def _head(name: str, kind: str, said: str) -> list[str]:
    return [f"# HELP dedup_{name} {said}", f"# TYPE dedup_{name} {kind}"]


def _quoted(label: str) -> str:
    escaped = label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
