"""The pages as people see them, on a desk and on a phone: complete, within the policy, readable, and by keyboard."""

from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from tests.pages.conftest import DARK_PHONE, DESK, Visitor

PAGES = ["/", "/docs", "/docs/events", "/docs/errors"]
SCREENS = pytest.mark.parametrize("context", [DESK, DARK_PHONE], indirect=True, ids=["desk, light", "phone, dark"])
SERIOUS = ("critical", "serious")


async def serious_findings(page: Page) -> list[Any]:
    """Of axe: which rule, how often, and the first place."""
    found = (await Axe().run(page)).response["violations"]
    return [(each["id"], len(each["nodes"]), each["nodes"][0]["html"]) for each in found if each["impact"] in SERIOUS]


@SCREENS
@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_complete_and_readable(visitor: Visitor, path: str) -> None:
    page = await visitor.open(path)
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert await serious_findings(page) == []
    assert (visitor.errors, visitor.outside) == ([], [])


@SCREENS
async def test_the_ground_follows_the_choice_of_the_system(visitor: Visitor) -> None:
    page = await visitor.open("/docs/errors")
    is_dark = await page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    ground = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(15, 15, 15)" if is_dark else "rgb(255, 255, 255)")


async def test_control_a_refused_script_and_another_host_are_noticed(visitor: Visitor) -> None:
    page = await visitor.open("/docs/errors")
    add = "([tag, fields]) => document.body.append(Object.assign(document.createElement(tag), fields))"
    await page.evaluate(add, ["script", {"textContent": "document.title = 'inline'"}])
    await page.evaluate(add, ["img", {"src": "http://192.0.2.1/picture", "alt": ""}])
    await page.evaluate(add, ["button", {}])
    assert await page.title() != "inline"
    assert len(visitor.errors) == 2
    assert [rule for rule, *_ in await serious_findings(page)] == ["button-name"]


async def test_an_error_code_is_an_address(visitor: Visitor) -> None:
    page = await visitor.open("/docs/errors#session_full")
    section = page.locator("#session_full")
    assert await page.evaluate("document.querySelector(':target').id") == "session_full"
    assert "What to do:" in await section.inner_text()
    assert "422" in await section.inner_text()


async def test_every_page_leads_to_every_other(visitor: Visitor) -> None:
    page = await visitor.open("/")
    for name, path in (("API", "/docs"), ("Events", "/docs/events"), ("Errors", "/docs/errors"), ("Muster", "/")):
        await page.locator(".muster-bar").get_by_role("link", name=name).click()
        await page.wait_for_url(visitor.url + path)
    assert (visitor.errors, visitor.outside) == ([], [])
