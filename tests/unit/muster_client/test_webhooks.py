"""Deliveries, verified: as the package of Standard Webhooks signs them."""

import datetime as dt
import json

import pytest
from standardwebhooks import Webhook

from muster.webhooks import TOLERANCE_SECONDS, WebhookRefused, verify

SECRET, OTHER = "whsec_" + "QUFB" * 8, "whsec_" + "QkJC" * 8
NOW = 1_780_000_000
EVENT = {"id": "e-1", "type": "training.enrollment.created.v1", "source": "/x", "subject": "7", "data": {"version": 3}}
BODY = json.dumps(EVENT)


def headers(secret: str = SECRET, body: str = BODY, at: int = NOW) -> dict[str, str]:
    signature = Webhook(secret).sign("e-1", dt.datetime.fromtimestamp(at, dt.UTC), body)
    return {"Webhook-Id": "e-1", "webhook-timestamp": str(at), "WEBHOOK-SIGNATURE": f"v1a,zzz {signature}"}


def clock() -> float:
    return float(NOW)


def test_what_others_signed_is_believed() -> None:
    event = verify(BODY.encode(), headers(), SECRET, clock=clock)
    assert (event.id, event.subject, event.version) == ("e-1", "7", 3)
    assert verify(BODY, headers(OTHER), [SECRET, OTHER], clock=clock) == event


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"secret": OTHER}, "No signature"),
        ({"body": BODY + " "}, "No signature"),
        ({"at": NOW - int(TOLERANCE_SECONDS) - 1}, "301 s behind this machine's clock"),
        ({"at": NOW + 3600}, "3600 s ahead of"),
    ],
)
def test_what_was_changed_is_refused(changed: dict[str, str], reason: str) -> None:
    with pytest.raises(WebhookRefused, match=reason):
        verify(BODY, headers(**changed), SECRET, clock=clock)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("webhook-timestamp", None),
        ("webhook-timestamp", "soon"),
        ("webhook-timestamp", "٣"),
        ("WEBHOOK-SIGNATURE", ""),
        ("WEBHOOK-SIGNATURE", "v1,é"),
        ("WEBHOOK-SIGNATURE", "v1,"),
    ],
)
def test_malformed_headers_are_refused(name: str, value: str | None) -> None:
    given = {**headers(), name: value}
    with pytest.raises(WebhookRefused):
        verify(BODY, {key: each for key, each in given.items() if each is not None}, SECRET, clock=clock)


def test_what_is_signed_and_no_event_is_refused() -> None:
    with pytest.raises(WebhookRefused, match="no JSON"):
        verify("{", headers(body="{"), SECRET, clock=clock)


def test_a_secret_that_is_none_is_the_receivers_own_mistake() -> None:
    with pytest.raises(ValueError, match="whsec_"):
        verify(BODY, headers(), "not a secret!", clock=clock)
