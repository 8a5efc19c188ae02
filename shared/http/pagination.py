"""Pages of the training lists and of the histories (contract, section 1)."""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated
from urllib.parse import urlencode

from pydantic import Field

from shared.http.models import Query
from shared.validation.fields import DIGITS

MAX_PAGE = 1_000_000_000
MAX_PER_PAGE = 100

Page = Annotated[int, Field(ge=1, le=MAX_PAGE), DIGITS]
PerPage = Annotated[int, Field(ge=1, le=MAX_PER_PAGE), DIGITS]


class PagedQuery(Query):
    """A query that asks for one page of a list."""

    page: Page = 1
    per_page: PerPage = 15

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.per_page

    @cached_property
    def filters(self) -> dict[str, str]:
        """What was asked for beside the page, as it goes back into links."""
        asked = self.model_dump(mode="json", exclude_none=True, exclude_unset=True, exclude={"page"})
        return {name: str(value) for name, value in asked.items()}


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


def _page_url(url: str, filters: Mapping[str, str], page: int) -> str:
    return f"{url}?{urlencode({**filters, 'page': page})}"
