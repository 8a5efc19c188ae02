"""Steps of a walk through a list: whose cursors are taken, and what leads on (contract, section 1)."""

from typing import Any
from urllib.parse import unquote, urlencode

from shared.errors import ValidationFailed
from shared.http import cursor as cursors
from shared.http.pagination import PagedQuery
from shared.http.routing import Call

_NO_FILTERS = {"page", "per_page", "cursor", "total"}


def require_own_cursor(call: Call[Any, Any]) -> None:
    """Raises `ValidationFailed` for the cursor of another walk, or one beside a page."""
    query: PagedQuery = call.query
    if not query.is_step:
        return
    if "page" in query.model_fields_set:
        raise ValidationFailed({"cursor": ["Must not be given together with page."]})
    if query.cursor and cursors.decode(query.cursor).walk != _walk(call):
        raise ValidationFailed({"cursor": ["Must be of a walk through the same list with the same filters."]})


def step_meta(call: Call[Any, Any], total: int | None, last: int | None) -> dict[str, Any]:
    """`last` is the key of the last row that is shown, if more follow; `total` is there if it was asked for."""
    query: PagedQuery = call.query
    next_cursor = None if last is None else cursors.encode(cursors.Place(_walk(call), last))
    meta = {"per_page": query.per_page, "next_cursor": next_cursor}
    return meta if total is None else {**meta, "total": total}


def step_links(call: Call[Any, Any], meta: dict[str, Any]) -> dict[str, str | None]:
    """An absolute address that keeps the filters; `null` at the end."""
    following = meta["next_cursor"]
    asked = {**call.query.filters, "cursor": following}
    return {"next": None if following is None else f"{call.url}?{urlencode(asked)}"}


def _walk(call: Call[Any, Any]) -> bytes:
    filters = call.query.model_dump(mode="json", exclude_none=True, exclude=_NO_FILTERS)
    return cursors.walk_of(call.organisation_id, unquote(call.request.target.path), filters)
