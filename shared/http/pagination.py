"""Pages of the training lists and of the histories, and walks through them (contract, section 1)."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import Annotated, Any, Final, Self
from urllib.parse import urlencode

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from shared.http import cursor as cursors
from shared.http.models import Query
from shared.postgres.lists import Window
from shared.validation.fields import DIGITS, QueryFlag, Timestamp

MAX_PAGE = 1_000_000_000
"""Past the end of any list. A greater page is read as this one: the rows before it can be counted in 64 bits."""
MAX_PER_PAGE = 100
REACH_BACK: Final = timedelta(minutes=1)
"""By which `updated_since` is taken earlier than it was asked for. A row notes its change while a transaction runs, is
seen once that is committed, and no transaction of a request or of a consumer ends later than this after the change."""
_LONGER_THAN_A_COUNT: Final = re.compile(r"0*[1-9][0-9]{19,}\Z")


def _of_any_length(value: Any) -> Any:
    """A number is read as text: one of thousands of digits would take its time."""
    return str(MAX_PAGE) if isinstance(value, str) and _LONGER_THAN_A_COUNT.match(value) else value


def _bounded(page: int) -> int:
    return min(page, MAX_PAGE)


Page = Annotated[int, Field(ge=1), AfterValidator(_bounded), DIGITS, BeforeValidator(_of_any_length)]
PerPage = Annotated[int, Field(ge=1, le=MAX_PER_PAGE), DIGITS]


def _known_form(cursor: str) -> str:
    """Whether it belongs to the walk that is asked for is seen where that is known (`shared.http.walks`)."""
    if cursor:
        cursors.decode(cursor)
    return cursor


Cursor = Annotated[
    str,
    Field(
        max_length=cursors.LENGTH,
        description="A walk instead of a page: empty for the first step, then `meta.next_cursor` of the step before. "
        "It goes with the same filters, and not with `page`.",
    ),
    AfterValidator(_known_form),
]


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


QueryTimestamp = Annotated[Timestamp, PlainSerializer(_written, when_used="json")]
"""As it goes back into links."""
UpdatedSince = Annotated[
    QueryTimestamp,
    Field(
        description="Only rows that were created or changed since then, by the clock of the database, or up to one "
        "minute before. Rows that left the list are in no answer."
    ),
]
Total = Annotated[QueryFlag, Field(description="Whether a step tells how many rows there are. A page always does.")]


class PagedQuery(Query):
    """A query that asks for one page of a list, or with a `cursor` for one step of a walk through all of it."""

    page: Page = 1
    per_page: PerPage = 15
    cursor: Cursor | None = None
    total: Total = False
    updated_since: UpdatedSince | None = None

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.per_page

    def step_of_export(self, after: int, rows: int) -> Self:
        """The same filters, for so many rows behind that key as lines of text."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        cursor = cursors.encode(cursors.Place(bytes(9), after)) if after else ""
        asked = {**fields, "page": 1, "per_page": rows, "cursor": cursor, "total": False}
        step: Self = self.model_construct(**asked)  # type: ignore[assignment]
        step.__dict__["window"] = step.window.of_export(rows)  # where the property keeps it
        return step

    @cached_property
    def filters(self) -> dict[str, str]:
        """What was asked for beside the page, as it goes back into links."""
        asked = self.model_dump(mode="json", exclude_none=True, exclude_unset=True, exclude={"page", "cursor"})
        return {name: _as_written(value) for name, value in asked.items()}

    @property
    def leads_on(self) -> bool:
        """Whether what changes later leads on from these rows: they are those of now."""
        return True

    @property
    def is_step(self) -> bool:
        """Whether this is a step of a walk."""
        return self.cursor is not None

    @cached_property
    def window(self) -> Window:
        """Which rows a statement reads, by the arguments that `place` has."""
        is_since = self.updated_since is not None
        return Window(is_step=self.is_step, is_counted=self.total or not self.is_step, is_since=is_since)

    @cached_property
    def place(self) -> tuple[Any, ...]:
        """The rows wanted, and those before them: their number or, in a walk, the key of the last one. Behind them the
        moment since which they have changed, if one is given."""
        since = () if self.updated_since is None else (self.updated_since - REACH_BACK,)
        return self.per_page, self._rows_before, *since

    @property
    def _rows_before(self) -> int:
        if not self.is_step:
            return self.offset
        return cursors.decode(self.cursor).after if self.cursor else 0


def last_page(total: int, per_page: int) -> int:
    return max(1, -(-total // per_page))


def training_meta(query: PagedQuery, total: int) -> dict[str, int | None]:
    """`from` and `to` are `null` on an empty page."""
    first = query.offset + 1
    last = min(query.offset + query.per_page, total)
    filled = first <= last
    return {
        "current_page": query.page,
        "last_page": last_page(total, query.per_page),
        "per_page": query.per_page,
        "total": total,
        "from": first if filled else None,
        "to": last if filled else None,
    }


def training_links(url: str, query: PagedQuery, total: int) -> dict[str, str | None]:
    """Absolute addresses that keep the filters; `null` at the ends."""
    last = last_page(total, query.per_page)
    previous = min(query.page - 1, last)
    return {
        "first": _page_url(url, query.filters, 1),
        "last": _page_url(url, query.filters, last),
        "prev": _page_url(url, query.filters, previous) if previous >= 1 else None,
        "next": _page_url(url, query.filters, query.page + 1) if query.page < last else None,
    }


def next_link(url: str, query: PagedQuery, total: int) -> dict[str, str]:
    """The header `Link` to the next page, if there is one (RFC 8288)."""
    if query.page >= last_page(total, query.per_page):
        return {}
    return link_header(_page_url(url, query.filters, query.page + 1))


def link_header(following: str) -> dict[str, str]:
    return {"Link": f'<{following}>; rel="next"'}


def _as_written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _page_url(url: str, filters: Mapping[str, str], page: int) -> str:
    return f"{url}?{urlencode({**filters, 'page': page})}"
