"""docs/compatibility.md: each row names a test that exists."""

import ast
import re
from functools import cache

import pytest

from dedup_assets_tests.support.places import ROOT

TABLE = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")
ROWS = [
    line
    for line in TABLE.splitlines()
    if line.startswith("|") and not line.startswith(("| RUN.md", "| fastdup 2.x", "|---"))
]


@cache
def existing_tests() -> set[str]:
    """Names of all test functions of the suite."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "dedup_assets_tests").rglob("test_*.py"))
    return {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS)
def test_every_row_names_tests_that_exist(row: str) -> None:
    named = re.findall(r"`(test_\w+)`", row)
    assert named
    assert set(named) <= existing_tests()
