"""What the gateway asks of credentials for whoever asks it (contract, section 13)."""

from typing import Annotated

from pydantic import Field

from shared.http.models import Query
from shared.validation.fields import DIGITS, MAX_INTEGER, QueryId


class CredentialDigest(Query):
    """Of the code that a client asks by."""

    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class IssuerQuery(Query):
    organisation_id: QueryId


class StatusListQuery(IssuerQuery):
    number: Annotated[int, Field(ge=1, le=MAX_INTEGER), DIGITS]
