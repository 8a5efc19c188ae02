"""Pages: what is asked for, and the envelope around what is found."""

from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

Item = TypeVar("Item")


class Row(BaseModel):
    """A response model that reads an ORM object."""

    model_config = ConfigDict(from_attributes=True)


class Paging(BaseModel):
    page: int = Field(1, ge=1, le=1_000_000_000)
    per_page: int = Field(15, ge=1, le=100)

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.per_page


class Meta(BaseModel):
    current_page: int
    last_page: int
    per_page: int
    total: int
    from_: int | None = Field(serialization_alias="from")
    to: int | None


class Links(BaseModel):
    first: str
    last: str
    prev: str | None
    next: str | None


class Page(BaseModel, Generic[Item]):
    success: bool = True
    data: list[Item]
    meta: Meta
    links: Links


async def paginate(session: AsyncSession, rows: Select[Any], paging: Paging, request: Request) -> dict[str, Any]:
    """The page of a select and the count of all that it finds."""
    total = await session.scalar(select(func.count()).select_from(rows.order_by(None).subquery())) or 0
    found = (await session.scalars(rows.limit(paging.per_page).offset(paging.offset))).all()
    return {"data": found, "meta": _meta(paging, total), "links": _links(request, paging, total)}


def _last_page(paging: Paging, total: int) -> int:
    return max(1, -(-total // paging.per_page))


def _meta(paging: Paging, total: int) -> Meta:
    first, last = paging.offset + 1, min(paging.offset + paging.per_page, total)
    return Meta(
        current_page=paging.page,
        last_page=_last_page(paging, total),
        per_page=paging.per_page,
        total=total,
        from_=first if first <= last else None,
        to=last if first <= last else None,
    )


def _links(request: Request, paging: Paging, total: int) -> Links:
    last = _last_page(paging, total)
    previous = min(paging.page - 1, last)
    return Links(
        first=_url(request, 1),
        last=_url(request, last),
        prev=_url(request, previous) if previous >= 1 else None,
        next=_url(request, paging.page + 1) if paging.page < last else None,
    )


def _url(request: Request, page: int) -> str:
    filters = {name: value for name, value in request.query_params.items() if name != "page"}
    return f"{request.url.replace(query='')}?{urlencode({**filters, 'page': page})}"
