"""What answers about credentials look like (contract, section 13)."""

from typing import Literal

from shared.http.representation import NonEmpty, Representation, TrainingTimestamp


class CredentialAnswer(Representation):
    """`credential` is a JWT: Open Badges 3.0, signed by `issuer`. Whoever has the `code` sees at `verify_url` whether
    it is valid."""

    credential: NonEmpty
    verify_url: NonEmpty
    code: NonEmpty
    issuer: NonEmpty
    status: Literal["valid", "expired"]
    issued_at: TrainingTimestamp
    valid_until: TrainingTimestamp | None
