"""A change that leaves nothing to show is answered with `data: null`, so that every answer has one form."""

import pytest
from pydantic import ValidationError

from shared.http.representation import Done
from tests.support.client import Client
from tests.support.declared import check_against_declaration
from tests.support.routes import PUBLIC, Declared, rows_of_each_kind
from tests.support.stack import Stack
from tests.support.world import COURSES, SESSIONS, new_course, new_session

DONE = [declared for declared in PUBLIC if Done in declared.route.answers.values()]
OF_THE_TOKEN = [declared for declared in DONE if not declared.has_id]
"""Only the gateway knows the token itself."""


@pytest.mark.parametrize("declared", DONE, ids=str)
async def test_the_gateway_answers_with_null_where_nothing_is_left(admin: Client, declared: Declared) -> None:
    assert await data_of(declared, admin, admin) == {"data": None}


@pytest.mark.parametrize("declared", [declared for declared in DONE if declared.has_id], ids=str)
async def test_a_service_answers_with_null_where_nothing_is_left(
    stack: Stack, admin: Client, organisation: int, declared: Declared
) -> None:
    client = stack.direct(declared.service, organisation, declared.permissions)
    assert await data_of(declared, admin, client) == {"data": None}


async def data_of(declared: Declared, admin: Client, client: Client) -> dict[str, object]:
    """The member `data` of the answer."""
    ids = await rows_of_each_kind(admin)
    free = await new_course(admin)  # whoever is enrolled keeps a course from being deleted
    in_use = await new_course(admin)
    ids |= {COURSES: free, SESSIONS: await new_session(admin, in_use)}
    answer = await declared.ask(client, ids)
    assert answer.status == 200, answer.text
    return {name: value for name, value in answer.json.items() if name == "data"}


def test_the_walk_has_deletions_and_what_ends_a_token() -> None:
    assert {declared.route.method for declared in DONE} == {"DELETE", "POST"}
    assert len(OF_THE_TOKEN) == 2


@pytest.mark.parametrize("text", ['{"success": true}', '{"success": true, "data": {}}'])
def test_control_an_answer_without_null_is_noticed(text: str) -> None:
    check_against_declaration("DELETE", f"{COURSES}/1", 200, '{"success": true, "data": null}')
    with pytest.raises(ValidationError):
        check_against_declaration("DELETE", f"{COURSES}/1", 200, text)
