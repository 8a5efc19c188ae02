"""A DID document, as enrollment makes it and the gateway passes it on (Decentralized Identifiers v1.0)."""

from typing import Annotated, Literal

from pydantic import Field

from shared.http.representation import NonEmpty, Representation


class VerificationMethod(Representation):
    """A public key, as a JSON Web Key."""

    id: NonEmpty
    type: Literal["JsonWebKey"]
    controller: NonEmpty
    publicKeyJwk: dict[str, str]  # noqa: N815 - as it is written there, section 5.2.1


class DidDocument(Representation):
    """Of an organisation that issues credentials: the first key signs."""

    context: Annotated[list[str], Field(alias="@context")]
    id: NonEmpty
    verificationMethod: Annotated[list[VerificationMethod], Field(min_length=1)]  # noqa: N815 - as above
    assertionMethod: list[NonEmpty]  # noqa: N815 - as above
