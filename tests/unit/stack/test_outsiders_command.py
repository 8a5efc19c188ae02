import json
from pathlib import Path

import pytest

from stack.commands.outsiders import PROGRAMS, arguments_of_pytest
from stack.commands.typescript import SOURCES
from stack.servers.npm_packages import LOCK


@pytest.mark.parametrize(
    ("given", "passed_on"),
    [
        ([], ["tests/outsiders"]),
        (["-x", "-k", "rotation"], ["tests/outsiders", "-x", "-k", "rotation"]),
        (["tests/outsiders/test_oidc_provider.py", "-q"], ["tests/outsiders/test_oidc_provider.py", "-q"]),
    ],
)
def test_without_a_path_all_of_these_tests_run(given: list[str], passed_on: list[str]) -> None:
    assert arguments_of_pytest(given) == passed_on


@pytest.mark.parametrize("folder", [PROGRAMS, SOURCES], ids=["outsiders", "typescript"])
def test_the_lock_pins_every_package_by_its_checksum_and_names_no_registry(folder: Path) -> None:
    packages = json.loads((folder / LOCK).read_text())["packages"]
    wanted = packages.pop("")["dependencies"]
    assert wanted == json.loads((folder / "package.json").read_text())["dependencies"]
    assert all(
        package["integrity"].startswith("sha512-") and "resolved" not in package for package in packages.values()
    )
