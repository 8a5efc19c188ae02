"""Pictures of the pages, to be looked at: `PICTURES=directory ./dev test tests/pages/pictures.py`."""

import os
from pathlib import Path

import pytest

from tests.pages.conftest import Visitor
from tests.pages.test_pages import PAGES, SCREENS


@SCREENS
@pytest.mark.parametrize("path", PAGES)
async def test_a_picture_of_a_page(visitor: Visitor, path: str) -> None:
    page = await visitor.open(path)
    width = await page.evaluate("window.innerWidth")
    name = f"{path.strip('/').replace('/', '-') or 'home'}-{width}.png"
    await page.screenshot(path=Path(os.environ["PICTURES"]) / name)
