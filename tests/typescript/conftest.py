"""The compiler, where `./dev test` found Node.js or its packages, and otherwise why not."""

import os

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They need the compiler, and more time than others."""
    for item in items:
        if "tests/typescript" in item.nodeid:
            item.add_marker(pytest.mark.timeout(180))
            if "TYPESCRIPT" not in os.environ:
                reason = os.environ.get("TYPESCRIPT_MISSING", "./dev test runs it")
                item.add_marker(pytest.mark.skip(reason=reason))
