"""What a run found, in plain types, so that `api` and `cli` show it without Dagster."""

from collections.abc import Callable
from dataclasses import dataclass, field

CHECKS = "checks"


@dataclass(frozen=True)
class RunFacts:
    """What a run found, from the metadata of its materializations.

    Attributes:
        metadata: numbers and texts by asset and key, as the UI shows them.
        seconds: duration of each step; the sum of all checks is under `CHECKS`.
        warnings: messages of failed checks that did not stop the run, and other notes for the user.
        leaked: what leaks between sets, if that is more than `max_leaks`; the results are published, and the run fails.
        told: to call when people know what has changed; until then, the next run says it, too.
    """

    metadata: dict[str, dict[str, object]]
    seconds: dict[str, float]
    warnings: list[str]
    leaked: list[str] = field(default_factory=list)
    told: Callable[[], None] = lambda: None

    def number(self, asset: str, key: str) -> float | None:
        """A figure of an asset; None if the asset was not materialized."""
        value = self.metadata.get(asset, {}).get(key)
        return value if isinstance(value, int | float) else None
