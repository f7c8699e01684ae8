"""Numbers are readable and never more precise than what was measured."""

from datetime import timedelta

import pytest

from dedup_assets.engine.gallery.pages.quantities import (
    Band,
    count_things,
    format_duration,
    format_excess,
    format_share,
    format_similarity,
    format_size,
    name_band,
)


@pytest.mark.parametrize(
    ("similarity", "shown"),
    [
        (1.0, "1.0000"),
        (0.999999, "0.9999"),
        (0.85, "0.8500"),
        (0.9996, "0.9996"),
        (0.0, "0.0000"),
        (-0.12345, "-0.1235"),
        (-1e300, f"-{int(1e300)}.0000"),
    ],
)
def test_only_what_is_1_reads_as_1(similarity: float, shown: str) -> None:
    assert format_similarity(similarity) == shown


@pytest.mark.parametrize(
    ("similarity", "band"),
    [
        (1.0, Band.IDENTICAL),
        (0.999999, Band.ALMOST_IDENTICAL),
        (0.98, Band.ALMOST_IDENTICAL),
        (0.979999, Band.VERY_SIMILAR),
        (0.85, Band.VERY_SIMILAR),
        (0.2, Band.LESS_SIMILAR),
    ],
)
def test_bands_are_those_of_the_documentation(similarity: float, band: Band) -> None:
    assert name_band(similarity) is band


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (345_112, "345 kB"),
        (999_600, "1.0 MB"),
        (5_250_000_000, "5.3 GB"),
        (7_000_000_000_000_000, "7,000 TB"),
    ],
)
def test_sizes_have_decimal_units(size_bytes: int, shown: str) -> None:
    assert format_size(size_bytes) == shown


@pytest.mark.parametrize(("part", "shown"), [(0, "0%"), (1, "0.1%"), (2500, "25%"), (9999, "99.9%"), (10000, "100%")])
def test_a_share_is_0_or_100_only_when_it_is(part: int, shown: str) -> None:
    assert format_share(part, 10000) == shown
    assert format_share(0, 0) == "0%"


@pytest.mark.parametrize(
    ("larger", "smaller", "shown"),
    [
        (1001, 1000, "under 1% more bytes"),
        (104, 100, "4% more bytes"),
        (230, 100, "2.3\N{MULTIPLICATION SIGN} the bytes"),
        (400, 100, "4\N{MULTIPLICATION SIGN} the bytes"),
        (123_400, 100, "1,234\N{MULTIPLICATION SIGN} the bytes"),
    ],
)
def test_an_excess_is_a_percentage_or_a_factor(larger: int, smaller: int, shown: str) -> None:
    assert format_excess(larger, smaller, "bytes") == shown


def test_one_thing_has_no_plural() -> None:
    assert count_things(1, "pair") == "1 pair"
    assert count_things(2400, "pair") == "2,400 pairs"


def test_a_duration_is_given_in_its_largest_unit() -> None:
    assert format_duration(timedelta(milliseconds=3)) == "1 second"
    assert format_duration(timedelta(hours=3, minutes=59)) == "3 hours"
    assert format_duration(timedelta(days=800)) == "2 years"
