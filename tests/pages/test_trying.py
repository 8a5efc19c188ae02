"""Requests sent from `/docs`: signing in, and a stranger's way to an enrollment."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, Response, expect

from gateway.edge.documents import ROOT
from tests.pages.conftest import Visitor
from tests.support.accounts import PASSWORD, NewUser
from tests.support.client import Client
from tests.support.stack import Stack
from tests.support.world import COURSES, ENROLLMENTS, new_course, new_employee, new_session


@pytest.fixture
async def hurried(visitor: Visitor) -> Visitor:
    """A visitor whose reference has one operation: all of them take seconds of a processor."""
    document = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
    document["paths"] = {COURSES: {"get": document["paths"][COURSES]["get"]}}
    await visitor.context.route("**/openapi.json", lambda route: route.fulfill(json=document))
    return visitor


async def sign_in(page: Page, user: NewUser, password: str = PASSWORD) -> Response:
    """What login answers."""
    await page.get_by_label("Email").fill(user.email)
    await page.get_by_label("Password").fill(password)
    async with page.expect_response("**/api/v1/auth/login") as response:
        await page.get_by_role("button", name="Sign in").click()
    return await response.value


async def open_operation(page: Page, group: str, operation: str) -> None:
    """From the menu of the reference."""
    opened = page.get_by_role("button", name=f"Open Group - {group}")
    if await opened.count():
        await opened.click()
    await page.get_by_role("link", name=operation).click()
    await expect(page.get_by_role("heading", name=operation)).to_be_visible()


async def sent(page: Page, method: str, path: str, body: Any = None) -> int:
    """Opens the request of this operation, fills in the body, sends it, and gives the status that is shown."""
    await page.get_by_role("button", name=f"{method} {path})").first.click()
    dialog = page.get_by_role("dialog")
    if body is not None:
        await dialog.locator(".cm-content", has_text="session_id").first.click()
        await page.keyboard.press("ControlOrMeta+A")
        await page.keyboard.insert_text(json.dumps(body))
    async with page.expect_response(lambda response: urlsplit(response.url).path == path) as response:
        await dialog.get_by_role("button", name="Send").first.click()
    status = (await response.value).status
    await expect(dialog.get_by_text(str(status)).first).to_be_visible()
    return status


async def test_a_stranger_comes_from_the_address_to_an_enrollment(
    visitor: Visitor, user: NewUser, admin: Client
) -> None:
    session, employee = await new_session(admin, await new_course(admin)), await new_employee(admin)
    page = await visitor.open("/docs")
    await sign_in(page, user)
    await expect(page.get_by_text("Signed in as Test User (Admin)")).to_be_visible()
    await open_operation(page, "Enrollments", "Enroll employees")
    assert await sent(page, "post", ENROLLMENTS, {"session_id": session, "employee_ids": [employee]}) == 201
    assert (visitor.errors, visitor.outside) == ([], [])
    [enrollment] = (await admin.get(ENROLLMENTS)).data
    assert enrollment["employee"]["id"] == employee


async def test_a_token_is_in_the_memory_of_the_page_until_signing_out(
    hurried: Visitor, user: NewUser, stack: Stack
) -> None:
    page = await hurried.open("/docs")
    token = (await (await sign_in(page, user)).json())["data"]["token"]
    kept = "JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage), document.cookie])"
    assert token not in await page.evaluate(kept)
    assert await hurried.context.cookies() == []
    client = Client(stack.http, stack.gateway_url, token)
    assert (await client.get("/api/v1/auth/me")).status == 200
    async with page.expect_response("**/api/v1/auth/logout"):
        await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert (await client.get("/api/v1/auth/me")).status == 401
    await open_operation(page, "Courses", "List courses")
    assert await sent(page, "get", COURSES) == 401


async def test_a_program_signs_in_with_its_id_and_secret(hurried: Visitor, admin: Client) -> None:
    made = (
        await admin.post("/api/v1/clients", {"name": "Reader", "permissions": ["api.access", "training.view"]})
    ).data
    page = await hurried.open("/docs")
    await page.get_by_label("Program").check()
    await page.get_by_label("Client ID").fill(made["client_id"])
    await page.get_by_label("Client secret").fill("wrong")
    await page.get_by_role("button", name="Get a token").click()
    await expect(page.locator("#problem")).to_have_text("The client id or the secret is wrong.")
    await page.get_by_label("Client secret").fill(made["client_secret"])
    await page.get_by_role("button", name="Get a token").click()
    await expect(page.get_by_text(f"Signed in as the program {made['client_id']}")).to_be_visible()
    await open_operation(page, "Courses", "List courses")
    assert await sent(page, "get", COURSES) == 200


async def test_the_keyboard_alone_signs_in_and_reaches_the_reference(hurried: Visitor, user: NewUser) -> None:
    page = await hurried.open("/docs")
    reached = []
    for _ in range(7):
        await page.keyboard.press("Tab")
        reached.append(await focused(page))
    assert reached == ["Skip to the reference", "Muster", "API", "Events", "Errors", "person", "email"]
    await page.keyboard.type(user.email)
    await page.keyboard.press("Tab")
    await page.keyboard.type("something else entirely")
    await page.keyboard.press("Enter")
    await expect(page.locator("#problem")).to_have_text("Invalid credentials. Please check your email and password.")
    await page.keyboard.press("ControlOrMeta+A")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.locator("#identity")).to_be_focused()
    await expect(page.locator("#problem")).to_be_empty()
    await page.keyboard.press("Tab")
    assert await focused(page) == "Sign out"
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.closest('#reference') !== null")


async def focused(page: Page) -> str:
    script = (
        "(document.activeElement.value || document.activeElement.name || document.activeElement.textContent).trim()"
    )
    return str(await page.evaluate(script))
