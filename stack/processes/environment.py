"""The few variables of the shell that a started process inherits."""

import os

PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "HOME", "TMPDIR")


def base_environment(**variables: str) -> dict[str, str]:
    """The variables that any program needs, and those given."""
    inherited = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", **inherited, **variables}
