"""A user as they are answered when a link was just made for them."""

import json
from datetime import UTC

from services.accounts.store.invitations import NewLink
from shared.http.conditional import Document


def with_invitation(user: Document, link: NewLink, page: str | None, *, shows_token: bool) -> str:
    """The user as JSON text, with the invitation; `page` is where the installation takes passwords.

    The token is shown once: what is kept for an `Idempotency-Key` is without it.
    """
    invitation = {"expires_at": link.expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
    if shows_token:
        invitation["token"] = link.token
        if page is not None:
            invitation["url"] = f"{page}#{link.token}"  # what follows # is in no log of a server
    return f'{user.text[:-1]}, "invitation": {json.dumps(invitation)}}}'
