import json

import pytest

from stack.commands.outsiders import LOCK, PROGRAMS, arguments_of_pytest


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


def test_the_lock_pins_every_package_by_its_checksum_and_names_no_registry() -> None:
    packages = json.loads(LOCK.read_text())["packages"]
    wanted = packages.pop("")["dependencies"]
    assert wanted == json.loads((PROGRAMS / "package.json").read_text())["dependencies"]
    assert all(
        package["integrity"].startswith("sha512-") and "resolved" not in package for package in packages.values()
    )
