"""A policy is a preset, a list of rules or a YAML file; each wrong rule is named with what is allowed."""

from pathlib import Path

import pytest

from dedup_assets.engine.core.errors import SettingsError
from dedup_assets.engine.core.keep_rules import PRESETS, KeepRule, keep_rules, read_keep_policy
from dedup_assets.engine.core.settings import Settings


@pytest.mark.parametrize("preset", PRESETS)
def test_each_preset_ends_with_the_name_and_has_no_rule_twice(preset: str) -> None:
    rules = keep_rules(read_keep_policy(preset))
    assert rules[-1] == KeepRule.NAME
    assert len(set(rules)) == len(rules)


def test_rules_are_read_from_a_text_and_from_yaml_alike(tmp_path: Path) -> None:
    file = tmp_path / "keep.yaml"
    file.write_text("rules:\n- path: ^originals/\n- uncropped\n- path=b$\n")
    text = read_keep_policy("path=^originals/, uncropped,path=b$")
    assert read_keep_policy(str(file)) == text
    assert keep_rules(text) == ("path=^originals/", "uncropped", "path=b$", "plain_name", "name")


def test_a_list_is_followed_by_the_rules_of_names_that_it_does_not_have() -> None:
    assert keep_rules("pixels") == ("pixels", "plain_name", "name")
    assert keep_rules("plain_name,pixels") == ("plain_name", "pixels", "name")
    assert keep_rules("pixels,name") == ("pixels", "name")


def test_what_the_file_says_is_the_setting_so_that_a_changed_file_counts(tmp_path: Path) -> None:
    file = tmp_path / "keep.yml"
    file.write_text("[pixels]")
    assert Settings.parse(input_dir="in", work_dir="out", keep_policy=str(file)).keep_policy == "pixels"


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("newest", "unknown rule 'newest': allowed are protected, labelled, uncropped"),
        ("pixel", "unknown rule 'pixel' (did you mean 'pixels'?): allowed are"),
        ("archives", "unknown rule 'archives' (did you mean 'archive'?): allowed are"),
        ("", "unknown rule ''"),
        ("pixels,,name", "unknown rule ''"),
        ("pixels,pixels", "'pixels' is given twice"),
        ("photos,pixels", "a preset stands alone: give 'photos' and nothing else, or rules"),
        ("pixels, archive", "a preset stands alone: give 'archive' and nothing else, or rules"),
        ("path=(", "no regular expression"),
        ("path=", "rule 'path=' has no regular expression, so that it tells no two names apart"),
        ("pixels,path= ", "rule 'path=' has no regular expression"),
        ("no/such.yaml", "'no/such.yaml' cannot be read"),
    ],
)
def test_what_is_wrong_is_named(policy: str, said: str) -> None:
    with pytest.raises(SettingsError, match="keep_policy") as caught:
        Settings.parse(input_dir="in", work_dir="out", keep_policy=policy)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "just a text",
        "rules: pixels",
        "",
        "- {path: a, other: b}",
        "- path: 'a,b'",
        "- 7",
        "- path:",
        "- path: [a]",
        "- photos",
    ],
)
def test_a_file_that_holds_no_rules_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keep.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"keep\.yaml|rule"):
        read_keep_policy(str(file))
