"""SQL of whose rows a caller may see who may not see everybody's (shared/auth/sight.py).

A person belongs to a company now, by their own row: somebody who left it, or was removed, is seen there no more.
"""

from shared.auth.sight import Sight
from shared.postgres.batched_reads import array_text

SIGHT_TYPES = {"own_person": "bigint", "companies": "text"}
"""Of the parameters that `sight_arguments` are for."""

PEOPLE_IN_SIGHT = """
    SELECT p.id FROM people p WHERE p.organisation_id = :organisation_id
        AND p.company_id = ANY (:companies::bigint[]) AND NOT p.removed
    UNION SELECT :own_person
"""
"""Their ids, by the index of companies."""


def in_sight(own_person: str = ":own_person", companies: str = ":companies") -> str:
    """Whether the row `p` of people is in sight."""
    return f"(p.id = {own_person} OR p.company_id = ANY ({companies}::bigint[]) AND NOT p.removed)"


def sight_arguments(sight: Sight) -> tuple[int, str]:
    """No id is 0."""
    return sight.person or 0, array_text(sight.companies)
