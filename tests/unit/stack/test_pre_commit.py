"""`.pre-commit-config.yaml`: the hook is the clone's own, and downloads nothing."""

import re

from stack.paths import REPOSITORY

CONFIGURATION = (REPOSITORY / ".pre-commit-config.yaml").read_text()


def test_every_hook_is_of_this_repository() -> None:
    assert re.findall(r"repo: (\S+)", CONFIGURATION) == ["local"]
    assert re.findall(r"language: (\S+)", CONFIGURATION) == ["system"]
    assert re.findall(r"entry: (.+)", CONFIGURATION) == ["./dev lint"]
    assert "://" not in CONFIGURATION
