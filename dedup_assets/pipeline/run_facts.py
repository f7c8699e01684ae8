"""What a run found, without Dagster's types: for whoever shows it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RunFacts:
    """What a run found, read off its materializations.

    Attributes:
        metadata: numbers and texts by asset and key, as the UI shows them.
        seconds: duration of each step.
        warnings: what checks that do not stop a run had to say.
    """

    metadata: dict[str, dict[str, object]]
    seconds: dict[str, float]
    warnings: list[str]

    def number(self, asset: str, key: str) -> float | None:
        """A figure of an asset; None where it was not materialized."""
        value = self.metadata.get(asset, {}).get(key)
        return value if isinstance(value, int | float) else None
