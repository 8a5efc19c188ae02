"""Debian's Chromium on the pages that the gateway of a running system serves."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, async_playwright, expect

from tests.support.accounts import NewUser, new_user
from tests.support.stack import Stack

PATIENCE = 50_000.0
"""Milliseconds: other tests take the processors as well."""
expect.set_options(timeout=PATIENCE)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They need an installed browser, and more time than others: a page of it takes a processor for seconds."""
    for item in items:
        if "tests/pages" in item.nodeid:
            item.add_marker(pytest.mark.timeout(180))
            if "CHROMIUM" not in os.environ:
                item.add_marker(pytest.mark.skip(reason="./dev test runs it"))


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=os.environ["CHROMIUM"], args=FLAGS)
        yield browser
        await browser.close()


@dataclass
class Visitor:
    """Somebody with a browser at the address of the gateway; what went wrong in it is noted."""

    context: BrowserContext
    url: str
    errors: list[str] = field(default_factory=list)
    """What the console says, among it what the Content Security Policy refused."""
    outside: list[str] = field(default_factory=list)
    """Requests to other hosts."""

    async def open(self, path: str) -> Page:
        """The page, when it is complete."""
        page = await self.context.new_page()
        page.on("console", self._note_console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._note_request)
        await page.goto(self.url + path, wait_until="domcontentloaded")
        if await page.locator("#reference").count():
            await page.locator("#reference .section-header, #reference h1").first.wait_for()
        return page

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:")):
            self.outside.append(request.url)


@pytest.fixture
async def context(chromium: Browser, request: pytest.FixtureRequest) -> AsyncIterator[BrowserContext]:
    """A phone in the dark where a test is parametrized with `DARK_PHONE`, else a desk by day."""
    options = getattr(request, "param", DESK)
    context = await chromium.new_context(**options)
    context.set_default_timeout(PATIENCE)
    yield context
    await context.close()


DESK = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"}
DARK_PHONE = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True}


@pytest.fixture
def visitor(context: BrowserContext, stack: Stack) -> Visitor:
    return Visitor(context, stack.gateway_url)


@pytest.fixture
async def user(stack: Stack, organisation: int) -> NewUser:
    """An Admin of the test's organisation, who can sign in."""
    return await new_user(stack, organisation)
