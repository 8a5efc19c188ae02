"""Models of health.

Written by `./dev documents`: change the routes, or what writes this.
"""

from typing import Literal

from muster.model import Model


class Live(Model):
    """The process responds."""

    status: Literal["live"] | str


class Ready(Model):
    """`checks` has an entry for everything the process depends on."""

    status: Literal["ready", "not ready"] | str
    checks: dict[str, bool]
