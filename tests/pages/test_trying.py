"""Requests sent from `/docs`: signing in, and a stranger's way to an enrollment."""

import json

from playwright.async_api import Page, expect

from tests.pages.conftest import Visitor
from tests.pages.test_pages import serious_findings
from tests.support.accounts import PASSWORD, NewUser
from tests.support.client import Client
from tests.support.world import ENROLLMENTS, new_course, new_employee, new_session


async def sign_in(page: Page, user: NewUser) -> None:
    await page.get_by_label("Email").fill(user.email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_text("Signed in as Test User (Admin)")).to_be_visible()


async def open_operation(page: Page, group: str, operation: str) -> None:
    """From the menu of the reference."""
    await page.get_by_role("button", name=f"Open Group - {group}").click()
    await page.get_by_role("link", name=operation).click()
    await expect(page.get_by_role("heading", name=operation)).to_be_visible()


async def sent(page: Page, method: str, path: str, body: object | None = None) -> int:
    """Opens the request of the operation at this path, fills in the body, sends it, and gives the status."""
    await page.get_by_role("button", name=f"{method} {path})").first.click()
    dialog = page.get_by_role("dialog")
    if body is not None:
        await dialog.locator(".cm-content", has_text="session_id").first.click()
        await page.keyboard.press("ControlOrMeta+A")
        await page.keyboard.insert_text(json.dumps(body))
    async with page.expect_response(lambda response: response.url.endswith(path)) as response:
        await dialog.get_by_role("button", name="Send").first.click()
    status = (await response.value).status
    await expect(dialog.get_by_text(str(status)).first).to_be_visible()
    return status


async def test_a_stranger_comes_from_the_address_to_an_enrollment(
    visitor: Visitor, user: NewUser, own_admin: Client
) -> None:
    session, employee = await new_session(own_admin, await new_course(own_admin)), await new_employee(own_admin)
    page = await visitor.open("/docs")
    await sign_in(page, user)
    await open_operation(page, "Enrollments", "Enroll employees")
    assert await serious_findings(page) == []
    assert await sent(page, "post", ENROLLMENTS, {"session_id": session, "employee_ids": [employee]}) == 201
    assert (visitor.errors, visitor.outside) == ([], [])
    [enrollment] = (await own_admin.get(ENROLLMENTS)).data
    assert (enrollment["session_id"], enrollment["employee_id"]) == (session, employee)
