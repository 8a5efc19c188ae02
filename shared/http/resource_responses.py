"""Answers that carry rows: one with its entity tag, or a page of them."""

from typing import Any

from shared.http.conditional import Conditions, Document
from shared.http.pagination import PagedQuery, training_links, training_meta
from shared.http.responses import Answer, Caching, success
from shared.http.routing import Call
from shared.http.walks import step_links, step_meta


def document(row: Document, conditions: Conditions) -> Answer:
    """The row, or 304 where the client holds just this (RFC 9110, section 13.1.2)."""
    headers = {"ETag": row.etag}
    if conditions.holds(row):
        return Answer("", 304, headers, Caching.REVALIDATED)
    return success(row.text, headers=headers, caching=Caching.REVALIDATED)


def changed(row: Document, message: str | None = None) -> Answer:
    return success(row.text, message=message, headers={"ETag": row.etag})


def created(row: Document, location: str, message: str | None = None) -> Answer:
    return success(row.text, message=message, status=201, headers={"ETag": row.etag, "Location": location})


def page(
    call: Call[Any, Any],
    total: int | None,
    items: str,
    last: int | None = None,
    *,
    headers: dict[str, str] | None = None,
) -> Answer:
    """A page of a training list, or a step of a walk whose `last` row is followed by more, with its meta and links."""
    query: PagedQuery = call.query
    if query.is_step or total is None:
        meta = step_meta(call, total, last)
        return success(items, meta=meta, links=step_links(call, meta), headers=headers, caching=Caching.REVALIDATED)
    meta, links = training_meta(query, total), training_links(call.url, query, total)
    return success(items, meta=meta, links=links, caching=Caching.REVALIDATED)
