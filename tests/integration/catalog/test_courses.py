"""Creating and changing courses (contract, section 3)."""

from typing import Any

import pytest

from tests.support.client import Client
from tests.support.examples import exactly, fields
from tests.support.world import COURSES, new_course

NEEDED = {"title": "First Aid", "category": "safety", "delivery_mode": "in_person", "duration_hours": 8}
EVERYTHING = {
    **NEEDED,
    "cost_per_participant": 199.9,
    "provider": "external",
    "provider_name": "Red Ribbon Training",
    "description": "What to do first.",
    "pass_score": 70.5,
    "validity_months": 36,
    "labels": [{"id": 12, "name": "Plant Operations"}],
}


async def test_a_new_course_is_answered_with_all_of_it(admin: Client) -> None:
    prerequisite = await new_course(admin, title="Basics")
    answer = await admin.post(COURSES, {**EVERYTHING, "prerequisites": [prerequisite]})
    assert answer.status == 201, answer.text
    assert answer.headers["Location"] == f"{COURSES}/{answer.data['id']}"
    assert {name: answer.data[name] for name in EVERYTHING} == EVERYTHING
    assert answer.data["prerequisites"] == [{"id": prerequisite, "title": "Basics"}]
    assert (await admin.get(answer.headers["Location"])).data == answer.data


async def test_what_is_left_out_has_its_default(admin: Client) -> None:
    answer = exactly((await admin.post(COURSES, NEEDED)).text)["data"]
    assert (answer["cost_per_participant"], answer["provider"]) == ("0.00", "internal")
    nothing = ("provider_name", "description", "pass_score", "validity_months", "completion_rate", "average_score")
    assert {answer[name] for name in nothing} == {None}
    assert (answer["prerequisites"], answer["labels"], answer["upcoming_sessions"]) == ([], [], [])
    assert (answer["total_sessions"], answer["total_enrollments"]) == ("0", "0")


@pytest.mark.parametrize(
    ("field", "sent", "written"),
    [
        ("cost_per_participant", "200", "200.00"),
        ("cost_per_participant", "0.10", "0.10"),
        ("cost_per_participant", "9999999999.99", "9999999999.99"),
        ("duration_hours", "1.50", "1.5"),
        ("duration_hours", "8.00", "8"),
        ("pass_score", "69.99", "69.99"),
        ("pass_score", "100", "100"),
        ("pass_score", "0", "0"),
    ],
)
async def test_numbers_keep_their_digits(admin: Client, field: str, sent: str, written: str) -> None:
    body = f'{{"title": "T", "category": "safety", "delivery_mode": "online", "duration_hours": 1, "x": {sent}}}'
    body = body.replace('"duration_hours": 1, "x"' if field == "duration_hours" else '"x"', f'"{field}"')
    answer = await admin.request("POST", COURSES, data=body, headers={"Content-Type": "application/json"})
    assert answer.status == 201, answer.text
    assert exactly(answer.text)["data"][field] == written


@pytest.mark.parametrize("field", NEEDED)
async def test_a_course_needs_it(admin: Client, field: str) -> None:
    answer = await admin.post(COURSES, {name: value for name, value in NEEDED.items() if name != field})
    assert (answer.status, answer.json["errors"]) == (422, {field: ["This field is required."]})


WRONG = [
    ("title", ""),
    ("title", "   "),
    ("title", "x" * 256),
    ("title", 7),
    ("title", None),
    ("category", "cooking"),
    ("category", None),
    ("delivery_mode", "by_mail"),
    ("duration_hours", 0),
    ("duration_hours", -1),
    ("duration_hours", 10_001),
    ("duration_hours", 1.005),
    ("duration_hours", "8"),
    ("duration_hours", True),
    ("cost_per_participant", -0.01),
    ("cost_per_participant", 0.001),
    ("cost_per_participant", 10_000_000_000),
    ("cost_per_participant", "200"),
    ("provider", "friend"),
    ("provider_name", ""),
    ("description", "x" * 10_001),
    ("pass_score", 100.01),
    ("pass_score", -1),
    ("pass_score", 1.001),
    ("validity_months", 0),
    ("validity_months", 1201),
    ("validity_months", 1.5),
    ("validity_months", "12"),
    ("prerequisites", "1"),
    ("prerequisites", {"id": 1}),
    ("labels", {"id": 1, "name": "x"}),
]


@pytest.mark.parametrize(("field", "value"), WRONG)
async def test_a_wrong_value_is_refused_in_creation_and_change(admin: Client, field: str, value: Any) -> None:
    course_id = await new_course(admin)
    created = await admin.post(COURSES, {**NEEDED, field: value})
    assert (created.status, list(created.json["errors"])) == (422, [field])
    if value is not None:  # in a change null removes, and what is left is the default or the refusal
        changed = await admin.patch(f"{COURSES}/{course_id}", {field: value})
        assert (changed.status, list(changed.json["errors"])) == (422, [field])


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("prerequisites", [1, 1], "prerequisites"),
        ("prerequisites", [0], "prerequisites.0"),
        ("prerequisites", [2**63], "prerequisites.0"),
        ("prerequisites", [2**63 - 1], "prerequisites.0"),
        ("prerequisites", ["1"], "prerequisites.0"),
        ("prerequisites", list(range(1, 52)), "prerequisites"),
        ("labels", [{"id": 1}], "labels.0.name"),
        ("labels", [{"id": 1, "name": ""}], "labels.0.name"),
        ("labels", [{"id": 1, "name": "x", "colour": "red"}], "labels.0.colour"),
        ("labels", [{"id": 1, "name": "x"}, {"id": 1, "name": "y"}], "labels"),
    ],
)
async def test_a_wrong_item_of_a_list_is_named(admin: Client, field: str, value: Any, named: str) -> None:
    answer = await admin.post(COURSES, {**NEEDED, field: value})
    assert (answer.status, list(answer.json["errors"])) == (422, [named])


@pytest.mark.parametrize("number", ["1e400", "1e999999999", "-1e999999999", "1e-400", "0.1e-9"])
async def test_a_number_out_of_all_range_is_refused(admin: Client, number: str) -> None:
    body = f'{{"title": "T", "category": "safety", "delivery_mode": "online", "duration_hours": {number}}}'
    answer = await admin.request("POST", COURSES, data=body, headers={"Content-Type": "application/json"})
    assert (answer.status, list(answer.json["errors"])) == (422, ["duration_hours"])


async def test_an_unknown_prerequisite_is_refused(admin: Client) -> None:
    known = await new_course(admin)
    answer = await admin.post(COURSES, {**NEEDED, "prerequisites": [known, 2**62]})
    assert answer.json["errors"] == {"prerequisites.1": ["The selected course does not exist."]}


async def test_a_course_cannot_be_its_own_prerequisite(admin: Client) -> None:
    course_id = await new_course(admin)
    answer = await admin.patch(f"{COURSES}/{course_id}", {"prerequisites": [course_id]})
    assert (answer.status, list(answer.json["errors"])) == (422, ["prerequisites.0"])


async def test_a_change_touches_what_it_names_alone(admin: Client) -> None:
    course_id = await new_course(admin, **EVERYTHING)
    before = (await admin.get(f"{COURSES}/{course_id}")).data
    answer = await admin.patch(f"{COURSES}/{course_id}", {"title": "Second Aid"})
    assert (answer.status, answer.data) == (200, {**before, "title": "Second Aid"})
    assert (await admin.get(f"{COURSES}/{course_id}")).data == answer.data


@pytest.mark.parametrize(
    ("field", "cleared"),
    [
        ("provider_name", None),
        ("description", None),
        ("pass_score", None),
        ("validity_months", None),
        ("labels", []),
        ("cost_per_participant", 0.0),
        ("provider", "internal"),
    ],
)
async def test_null_clears(admin: Client, field: str, cleared: Any) -> None:
    course_id = await new_course(admin, **EVERYTHING)
    answer = await admin.patch(f"{COURSES}/{course_id}", {field: None})
    assert (answer.status, answer.data[field]) == (200, cleared)


@pytest.mark.parametrize("field", NEEDED)
async def test_what_a_course_needs_cannot_be_cleared(admin: Client, field: str) -> None:
    course_id = await new_course(admin)
    answer = await admin.patch(f"{COURSES}/{course_id}", {field: None})
    assert (answer.status, answer.json["errors"]) == (422, {field: ["This field is required."]})


async def test_lists_are_replaced_as_a_whole(admin: Client) -> None:
    course_id = await new_course(admin, labels=[{"id": 1, "name": "a"}, {"id": 2, "name": "b"}])
    answer = await admin.patch(f"{COURSES}/{course_id}", {"labels": [{"id": 3, "name": "c"}]})
    assert answer.data["labels"] == [{"id": 3, "name": "c"}]


@pytest.mark.parametrize("field", ["id", "created_at", "total_sessions", "total_enrollments", "completion_rate"])
async def test_what_is_counted_or_given_cannot_be_written(admin: Client, field: str) -> None:
    course_id = await new_course(admin)
    for answer in (
        await admin.post(COURSES, {**NEEDED, field: 1}),
        await admin.patch(f"{COURSES}/{course_id}", {field: 1}),
    ):
        assert (answer.status, answer.json["errors"]) == (422, {field: ["Unknown field."]})


async def test_a_change_of_no_course_is_not_found(admin: Client) -> None:
    assert (await admin.patch(f"{COURSES}/{2**62}", {"title": "x"})).status == 404


async def test_list_and_document_tell_the_same(admin: Client) -> None:
    course_id = await new_course(admin, **EVERYTHING)
    document = (await admin.get(f"{COURSES}/{course_id}")).data
    [item] = (await admin.get(COURSES)).data
    assert item == {name: document[name] for name in fields(item)}
