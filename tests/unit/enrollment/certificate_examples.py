"""Credentials to print and to show."""

from datetime import UTC, datetime
from typing import Any

from services.enrollment.credentials import Addresses, Content, Credential

ADDRESSES = Addresses("https://training.example.com", 7)
CODE = "mfzwizltoq4dk3tboi2gk4rxga"
_CONTENT = {
    "name": "Jane Roe",
    "training_name": "Working at Heights",
    "provider": None,
    "course_id": 12,
    "completed_at": datetime(2026, 5, 14, 22, 30, tzinfo=UTC),
    "valid_until": datetime(2028, 5, 14, 22, 30, tzinfo=UTC),
    "issuer_name": "Acme Tunnels",
    "language": "en",
    "time_zone": "Australia/Sydney",
}


def credential(**content: Any) -> Credential:
    return Credential(
        7, 301, CODE, 1, 70_000, Content.model_validate(_CONTENT | content), datetime(2026, 5, 16, tzinfo=UTC)
    )
