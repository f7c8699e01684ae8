"""A config.json of this package is recognised, and one of another program is not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup_assets.engine.core.own_files import FORMAT, is_own_config

OURS = {
    "this format": {"format": FORMAT, "format_version": 2},
    "a later version": {"format": FORMAT, "format_version": 99},
    "the former settings": {"settings": {"input_dir": "in", "work_dir": "out", "run_mode": 0, "threshold": 0.85}},
    "the former features": {"features": {"model_sha256": "0" * 64}},
    "the former results": {"results": {"features": {"files": {}, "made_from": {}, "settings": {}}}},
}
OF_OTHERS = [
    b"",
    b"{",
    b"{}",
    b"[]",
    b"null",
    b'{"model_type": "bert"}',
    b'{"settings": {"threshold": 1}}',
    b"[" * 9999,
]


@pytest.mark.parametrize("config", OURS.values(), ids=OURS)
def test_every_version_of_our_configuration_is_recognised(config: dict[str, object]) -> None:
    assert is_own_config(json.dumps(config).encode())


@pytest.mark.parametrize("content", OF_OTHERS)
def test_the_configuration_of_another_program_is_not_ours(content: bytes) -> None:
    assert not is_own_config(content)


@given(st.binary())
def test_any_bytes_can_be_asked_about(content: bytes) -> None:
    assert is_own_config(content) in {True, False}


@given(
    st.dictionaries(
        st.sampled_from(["format", "settings", "features", "results"]), st.none() | st.text() | st.lists(st.none())
    )
)
def test_our_keys_with_values_of_other_types_are_not_ours(found: dict[str, object]) -> None:
    assert is_own_config(json.dumps(found).encode()) == (found.get("format") == FORMAT)
