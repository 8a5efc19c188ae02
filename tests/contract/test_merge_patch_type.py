"""PATCH of a row takes a merge patch (RFC 7396) as what it is or as plain JSON; `Accept-Patch` says so (RFC 5789)."""

from collections.abc import Mapping

import pytest

from shared.http import body
from shared.http.models import MergePatch
from tests.support.client import Answer, Client
from tests.support.routes import PUBLIC, Declared, Kept, rows_of_each_kind
from tests.support.stack import Stack

MERGE_PATCH = "application/merge-patch+json"
BOTH = f"{MERGE_PATCH}, application/json"
WITH_BODY = [declared for declared in PUBLIC if declared.route.body is not None]
MERGING = [declared for declared in WITH_BODY if issubclass(declared.route.body or type, MergePatch)]
OTHERS = [declared for declared in WITH_BODY if declared not in MERGING]
PATCHES = [declared for declared in PUBLIC if declared.route.method == "PATCH"]


async def send(client: Client, declared: Declared, ids: Mapping[str, int], content_type: str) -> Answer:
    headers = {"Content-Type": content_type}
    return await client.request(declared.route.method, declared.path(ids), data=b"{}", headers=headers)


@pytest.mark.parametrize("declared", MERGING, ids=str)
async def test_a_merge_patch_may_say_what_it_is(
    stack: Stack, admin: Client, organisation: int, declared: Declared
) -> None:
    ids = await rows_of_each_kind(admin)
    direct = stack.direct(declared.service, organisation, declared.permissions)
    for client in (admin, direct):
        for content_type in (MERGE_PATCH, f"{MERGE_PATCH}; charset=utf-8", MERGE_PATCH.upper(), "application/json"):
            assert (await send(client, declared, ids, content_type)).status == 200, content_type


@pytest.mark.parametrize("declared", MERGING, ids=str)
async def test_another_patch_is_told_which_are_taken(kept: Kept, declared: Declared) -> None:
    for content_type in ("application/json-patch+json", "application/merge-patch+json; charset=latin-1"):
        answer = await send(kept.admin, declared, kept.ids, content_type)
        assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")
        assert answer.json["message"] == f"The body must be {MERGE_PATCH} or application/json."
        assert answer.headers["Accept-Patch"] == BOTH


@pytest.mark.parametrize("declared", OTHERS, ids=str)
async def test_a_body_that_is_merged_into_nothing_is_plain_json(kept: Kept, declared: Declared) -> None:
    for client in (kept.admin, kept.direct(declared)):
        answer = await send(client, declared, kept.ids, MERGE_PATCH)
        assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")
        assert answer.json["message"] == "The body must be application/json."
        is_patch = declared.route.method == "PATCH"
        assert answer.headers.get("Accept-Patch") == ("application/json" if is_patch else None)


@pytest.mark.parametrize("declared", PATCHES, ids=str)
async def test_a_wrong_method_is_told_which_patches_are_taken(kept: Kept, declared: Declared) -> None:
    for client in (kept.admin, kept.direct(declared)):
        answer = await client.request("OPTIONS", declared.path(kept.ids))
        assert "PATCH" in answer.headers["Allow"]
        assert answer.headers["Accept-Patch"] == (BOTH if declared in MERGING else "application/json")


async def test_where_there_is_no_patch_nothing_is_said_of_one(admin: Client) -> None:
    assert "Accept-Patch" not in (await admin.request("OPTIONS", "/api/v1/training/labels")).headers


async def test_control_without_its_type_a_merge_patch_is_refused(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "media_types", lambda _: ("application/json",))
    assert [(await send(kept.admin, declared, kept.ids, MERGE_PATCH)).status for declared in MERGING] == [415] * len(
        MERGING
    )
