"""What the gateway asks in its own name, or for somebody who has no token yet."""

from collections.abc import Mapping
from typing import Final

from gateway.auth.client_token import Speaker
from shared.auth.claims import EVERY_ORGANISATION
from shared.auth.internal_token import Caller
from shared.auth.signing import InternalSigner
from shared.auth.trust import CALENDARS, CREDENTIALS, GATEWAY, LIVE, PUBLIC, REVOCATIONS

ACCOUNTS: Final = "accounts"
ENROLLMENT: Final = "enrollment"


class OwnRequests:
    """Their internal tokens, each signed once in half of its lifetime and not for each request."""

    def __init__(self, signer: InternalSigner) -> None:
        self._signer = signer
        self._anybody = _speaker("anonymous", PUBLIC)
        self._itself = _speaker(GATEWAY, REVOCATIONS)
        self._follower = _speaker(GATEWAY, LIVE)
        self._readers = {
            "calendars": _speaker("anonymous", CALENDARS),
            "codes": _speaker("anonymous", CREDENTIALS),
            "credentials": _speaker("anonymous", CREDENTIALS),
        }

    def token_of_anybody(self) -> str:
        """For what needs no token of a client."""
        return self._anybody.internal(self._signer, ACCOUNTS)

    def headers_of_anybody(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.token_of_anybody()}"}

    def token_of_reader(self, kind: str) -> str:
        """For whoever has the secret of a calendar, or looks at a credential: the kinds of `OpenReads`."""
        return self._readers[kind].internal(self._signer, ENROLLMENT)

    def headers_of_follower(self) -> Mapping[str, str]:
        """For the seats of any session."""
        return {"Authorization": f"Bearer {self._follower.internal(self._signer, ENROLLMENT)}"}

    def own_headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self._itself.internal(self._signer, ACCOUNTS)}"}


def _speaker(subject: str, permission: str) -> Speaker:
    return Speaker(Caller(EVERY_ORGANISATION, subject, subject, "service", frozenset({permission})))
