"""Signatures of deliveries, verified by the package of Standard Webhooks and by Ed25519 itself."""

import base64
import json
import time
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from services.delivery.sending.signing import Keys, headers

SECRET, PREVIOUS, OTHER = (f"whsec_{base64.b64encode(bytes([each]) * 32).decode()}" for each in (1, 2, 3))
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WHSK = f"whsk_{base64.b64encode(bytes(range(32))).decode()}"
WHSK_WITH_PUBLIC = f"whsk_{base64.b64encode(bytes(range(32)) + PRIVATE.public_key().public_bytes_raw()).decode()}"
BODY = '{"type": "training.course.saved.v1", "title": "Sécurité ✓"}'


def signed(*secrets: str, private: str = WHSK, body: str = BODY) -> dict[str, str]:
    return headers(Keys(secrets, private), "0199a0b4-0000-7000-8000-000000000001", int(time.time()), body)


@given(st.dictionaries(st.text(), st.text()))
def test_what_is_sent_is_accepted_by_the_package(content: dict[str, Any]) -> None:
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    Webhook(SECRET).verify(body, signed(SECRET, body=body), json_parse=False)


def test_while_a_secret_is_rotated_both_verify() -> None:
    sent = signed(SECRET, PREVIOUS)
    for secret in (SECRET, PREVIOUS):
        assert Webhook(secret).verify(BODY, sent) == json.loads(BODY)


def test_control_another_secret_and_another_body_are_refused() -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(BODY, signed(SECRET, PREVIOUS))
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY + " ", signed(SECRET))


@pytest.mark.parametrize("private", [WHSK, WHSK_WITH_PUBLIC])
def test_the_asymmetric_signature_is_of_the_same_content(private: str) -> None:
    sent = signed(SECRET, private=private)
    version, signature = sent["webhook-signature"].split(" ")[-1].split(",")
    content = f"{sent['webhook-id']}.{sent['webhook-timestamp']}.{BODY}"
    assert version == "v1a"
    PRIVATE.public_key().verify(base64.b64decode(signature), content.encode())
    with pytest.raises(InvalidSignature):
        PRIVATE.public_key().verify(base64.b64decode(signature), content.encode() + b" ")
