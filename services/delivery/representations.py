"""What delivery answers (contract, sections 8 and 9)."""

from typing import Any, Literal

from shared.http.representation import Representation


class FeedPage(Representation):
    """`data` has the events as subscribers on the broker get them; `next` leads on, also where nothing follows yet."""

    success: Literal[True]
    data: list[dict[str, Any]]
    next: str
    has_more: bool


class Position(Representation):
    position: int
