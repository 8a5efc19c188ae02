"""Routes of the lists of what rows carry by id and name: labels, projects, companies (contract, section 1)."""

from collections.abc import Sequence

from shared.auth.sight import Sight
from shared.http.models import Body
from shared.http.pagination import MAX_PER_PAGE, PagedQuery
from shared.http.representation import NamedTotal
from shared.http.routing import Route
from shared.postgres.batched_reads import PageRead
from shared.postgres.named_totals import named_page
from shared.service.resource_routes import list_in_sight_route, list_route
from shared.validation.fields import Search


class NamedQuery(PagedQuery):
    search: Search | None = None


def named_route(path: str, listed: str, permissions: Sequence[str], *, summary: str) -> Route[NamedQuery, Body]:
    """`GET {path}`: a page of the ids and names that the totals of `listed` are kept of, in the order of the ids."""

    def page(organisation_id: int, query: NamedQuery) -> PageRead:
        return named_page(listed, organisation_id, query.search, query.window, query.place, MAX_PER_PAGE)

    return list_route(path, page, NamedQuery, NamedTotal, permissions, summary=summary)


def companies_route(path: str, permissions: Sequence[str], *, summary: str) -> Route[NamedQuery, Body]:
    """`GET {path}`: the same of companies, those in sight."""

    def page(organisation_id: int, query: NamedQuery, sight: Sight) -> PageRead:
        only = None if sight.everybody else sight.companies
        return named_page("companies", organisation_id, query.search, query.window, query.place, MAX_PER_PAGE, only)

    return list_in_sight_route(path, page, NamedQuery, NamedTotal, permissions, summary=summary)
