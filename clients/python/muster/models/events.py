"""Models of events.

Written by `./dev documents`: change the routes, or what writes this.
"""

from typing import Any

from muster.model import Model


class FeedPage(Model):
    """`data` has the events as subscribers on the broker get them; `next` leads on, also where nothing follows yet."""

    data: list[dict[str, Any]]
    next: str
    has_more: bool
