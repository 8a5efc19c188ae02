from pathlib import Path

import pytest

from stack.paths import REPOSITORY
from tests.support.forks import PRODUCT, fork

PROBE = """
import sys
print(*(name for name in sys.modules if name in ("aiohttp.web", "gateway.app", "services.catalog.app")))
"""


@pytest.mark.parametrize(
    ("altered", "imported"),
    [(False, {"aiohttp.web", "gateway.app", "services.catalog.app"}), (True, {"aiohttp.web"}), (None, {"aiohttp.web"})],
)
async def test_a_fork_has_the_product_imported_unless_it_alters_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, altered: bool | None, imported: set[str]
) -> None:
    (tmp_path / "probe.py").write_text(PROBE)
    monkeypatch.syspath_prepend(tmp_path)
    output = tmp_path / "output"
    process = await fork("probe", directory=tmp_path, environment={}, output=output, altered=altered)
    assert await process.end_within(20) == 0, output.read_text()
    assert set(output.read_text().split()) == imported


def test_the_product_is_these_packages() -> None:
    assert all((REPOSITORY / package / "__init__.py").exists() for package in PRODUCT)
