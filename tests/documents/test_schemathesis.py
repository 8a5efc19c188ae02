"""The document against what the gateway answers: thousands of requests that schemathesis makes from it."""

from pathlib import Path
from typing import Any

import pytest

from tests.documents.findings import KNOWN, Run
from tests.documents.schemathesis_runs import fuzzed_document, run_schemathesis
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(480)
FEWEST_CASES = 3000
MOST_KNOWN = 10
A_FEW = ("--phases", "fuzzing", "--mode", "positive", "--max-examples", "3", "--include-operation-id")


def described(run: Run) -> str:
    return "\n".join(map(str, run.unknown[:20]))


async def test_every_response_is_as_the_document_has_it(stack: Stack, organisation: int, tmp_path: Path) -> None:
    run = await run_schemathesis(stack, organisation, tmp_path, fuzzed_document(), "--seed", "1")
    assert not run.errors
    assert not run.unknown, described(run)
    assert run.all_cases >= FEWEST_CASES, run.cases
    assert all(run.cases[phase] for phase in ("coverage", "fuzzing", "stateful")), run.cases


def renamed_in_the_answer(schemas: dict[str, Any]) -> None:
    """As if the model had a new name for a field, and the document the old one."""
    course = schemas["CourseDetail"]
    course["properties"]["name"] = course["properties"].pop("title")
    course["required"] = ["name" if field == "title" else field for field in course["required"]]


def renamed_in_the_body(schemas: dict[str, Any]) -> None:
    course = schemas["CourseFields"]
    course["properties"]["name"] = course["properties"].pop("title")
    course["required"] = ["name" if field == "title" else field for field in course["required"]]


@pytest.mark.parametrize(
    ("rename", "check"),
    [
        (renamed_in_the_answer, "response_schema_conformance"),
        (renamed_in_the_body, "positive_data_acceptance"),
    ],
    ids=["answer", "body"],
)
async def test_control_a_field_that_was_renamed_is_found(
    stack: Stack, organisation: int, tmp_path: Path, rename: Any, check: str
) -> None:
    document = fuzzed_document()
    rename(document["components"]["schemas"])
    run = await run_schemathesis(stack, organisation, tmp_path, document, *A_FEW, "createCourse")
    assert check in {finding.check for finding in run.unknown}, described(run)


async def test_control_a_status_that_is_not_declared_is_found(stack: Stack, organisation: int, tmp_path: Path) -> None:
    document = fuzzed_document()
    del document["paths"]["/api/v1/training/courses"]["post"]["responses"]["201"]
    run = await run_schemathesis(stack, organisation, tmp_path, document, *A_FEW, "createCourse")
    assert "status_code_conformance" in {finding.check for finding in run.unknown}, described(run)


def test_what_is_known_are_a_few_kinds() -> None:
    assert len(KNOWN) <= MOST_KNOWN
    assert all(known.why for known in KNOWN)
