"""CI's audit of dependencies: its exit code and message for each kind of answer of the service."""

import json
import runpy
from typing import Any

import pytest

from dedup_assets_tests.support.places import ROOT

SCRIPT = ROOT / ".ci" / "audit.py"
CLEAN = {"name": "good", "version": "1", "vulns": []}
SKIPPED = {"name": "odd", "skip_reason": "Dependency not found on PyPI"}
BAD = {"name": "bad", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}


@pytest.fixture(scope="module")
def judge() -> Any:
    if not SCRIPT.exists():
        pytest.skip("an installed package has no .ci/audit.py")
    return runpy.run_path(str(SCRIPT))["judge"]


@pytest.mark.parametrize("others", [[], [CLEAN], [SKIPPED] * 9])
def test_a_known_vulnerability_fails_whatever_else_there_is(judge: Any, others: list[object]) -> None:
    code, message = judge(json.dumps({"dependencies": [*others, BAD]}))
    assert (code, "bad 2: CVE-1, fixed in 3" in message) == (1, True)


def test_no_known_vulnerability_passes_with_a_count(judge: Any) -> None:
    assert judge(json.dumps({"dependencies": [CLEAN, CLEAN, SKIPPED]})) == (
        0,
        "2 of 3 packages audited: no known vulnerability",
    )


@pytest.mark.parametrize(
    "output", ["", "ERROR: no route", "{}", json.dumps({"dependencies": [SKIPPED, SKIPPED, CLEAN]})]
)
def test_a_service_that_cannot_be_asked_is_said_and_no_failure(judge: Any, output: str) -> None:
    code, message = judge(output)
    assert code == 0
    assert "NOT audited" in message
