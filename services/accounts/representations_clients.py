"""What answers about programs, and OAuth's documents, look like (contract, section 7)."""

from typing import Literal

from shared.http.conditional import RowKey
from shared.http.representation import NonEmpty, Representation, TrainingTimestamp, may_be_missing

ClientStatus = Literal["active", "expired", "revoked"]


class ClientItem(Representation):
    """`last_used_at` is when the client last asked for a token, to the minute; until `previous_secret_until` the secret
    before the current one holds."""

    id: int
    client_id: str
    name: str
    permissions: list[str]
    rate_limit: int | None
    company_ids: list[int]
    status: ClientStatus
    expires_at: TrainingTimestamp | None
    last_used_at: TrainingTimestamp | None
    previous_secret_until: TrainingTimestamp | None
    revoked_at: TrainingTimestamp | None
    created_at: TrainingTimestamp


class ClientWithSecret(ClientItem):
    """`client_secret` is null where the answer is repeated: it is nowhere stored."""

    client_secret: str | None


class IssuedToken(Representation):
    """RFC 6749, section 5.1; people get a refresh token besides."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str
    refresh_token: NonEmpty = may_be_missing()
    refresh_expires_in: int = may_be_missing()


class AuthorizationServer(Representation):
    """RFC 8414, section 2."""

    issuer: str
    token_endpoint: str
    jwks_uri: str
    scopes_supported: list[str]
    response_types_supported: list[str]
    grant_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    protected_resources: list[str]


class ProtectedResource(Representation):
    """RFC 9728, section 2."""

    resource: str
    resource_name: str
    authorization_servers: list[str]
    scopes_supported: list[str]
    bearer_methods_supported: list[str]


def client_row(organisation_id: int, row_id: int) -> RowKey:
    return RowKey("client", organisation_id, row_id)
