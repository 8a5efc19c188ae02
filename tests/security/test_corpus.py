"""The corpus of bad input, at the gateway and at the services around it: exact answers, and nothing is changed."""

import pytest
from aiohttp import http_parser

from tests.security import assignment, bodies, feed, framing, headers, lists, targets, tenancy, tokens, values, webhooks
from tests.security.corpus import Family, Place
from tests.security.runner import failures, told_apart
from tests.security.world import World, contents, new_world
from tests.support.raw_http import is_alive
from tests.support.stack import Stack

MODULES = (tokens, headers, framing, targets, bodies, values, lists, feed, webhooks, assignment, tenancy)
FAMILIES = [module.FAMILY for module in MODULES]
PLACES: list[Place] = ["gateway", "service"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
async def test_every_case_is_answered_as_it_says_and_changes_nothing(
    world: World, family: Family, place: Place
) -> None:
    before = await contents(world)
    found = await failures(world, family, place)
    assert not found, "\n".join(found)
    assert await contents(world) == before
    assert [url for url in processes(world.stack) if not await is_alive(url)] == []


def processes(stack: Stack) -> list[str]:
    return [stack.gateway_url, *stack.urls.values()]


@pytest.mark.parametrize("place", PLACES)
async def test_what_is_theirs_and_what_is_nobodys_is_told_apart_nowhere(secured_stack: Stack, place: Place) -> None:
    found = await told_apart(await new_world(secured_stack), place)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_has_the_cases_it_claims_each_under_a_name_of_its_own(family: Family) -> None:
    assert len(family.cases) >= family.at_least
    assert len({case.name for case in family.cases}) == len(family.cases)


def test_the_parser_is_the_compiled_one() -> None:
    """aiohttp falls back to another, which reads some requests otherwise, where its extension was not built."""
    assert http_parser.HttpRequestParser is not http_parser.HttpRequestParserPy
