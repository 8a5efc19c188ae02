"""What pip-audit says is distinguished: nothing known, something found, and no answer."""

import json
from typing import Any

import pytest

from stack.commands.audit import UNKNOWN, VULNERABLE, judge

CLEAN = {"name": "aiohttp", "version": "3.14.3", "vulns": []}
FOUND = {"id": "PYSEC-2026-1", "fix_versions": ["3.14.4"], "aliases": [], "description": "…"}


def report(*dependencies: dict[str, Any]) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


def test_nothing_known_is_well() -> None:
    assert judge(report(CLEAN), "") == (0, ["1 packages, 0 known vulnerabilities"])


def test_a_vulnerability_is_named_with_the_version_that_mends_it() -> None:
    status, lines = judge(report(CLEAN, CLEAN | {"vulns": [FOUND]}), "")
    assert status == VULNERABLE
    assert lines[1:] == ["  aiohttp 3.14.3: PYSEC-2026-1, fixed in 3.14.4"]


@pytest.mark.parametrize(
    ("output", "errors"),
    [
        ("", "Traceback …\nrequests.exceptions.ConnectionError: no route to host"),
        ("", ""),
        ("[]", "cut off"),
        (report(), ""),
        (report({"name": "aiohttp", "skip_reason": "not found"}), ""),
    ],
)
def test_no_answer_is_not_taken_for_a_good_one(output: str, errors: str) -> None:
    status, lines = judge(output, errors)
    assert status == UNKNOWN
    assert lines[0] == "NOT AUDITED"
    assert (errors or "not").split("\n")[-1] in " ".join(lines)
