"""What is refused as the URL of a webhook before anything is sent to it (contract, section 9)."""

import pytest
from pydantic import SecretStr

from services.delivery import webhook_context
from services.delivery.sealing import WEBHOOK_SECRETS
from services.delivery.webhook_context import WebhookContext
from shared.auth.secrets_at_rest import Sealer
from shared.errors import ValidationFailed

SEALER = Sealer(WEBHOOK_SECRETS, SecretStr("a secret that is long enough for it"))
CONTEXT = WebhookContext(SEALER, frozenset({"erp.internal:8443", "localhost:8080"}))
LOCAL = [
    "https://localhost/",
    "https://localhost./",
    "https://erp/",
    "https://erp.internal/",
    "https://ERP.Internal/",
    "https://printer.local/",
    "https://a.localhost:443/",
    "https://router.home.arpa/",
]


@pytest.mark.parametrize(
    "url",
    [
        *LOCAL,
        "https://hooks.example.com/#part",
        "https://hooks.example.com/#",
        "https://user:word@hooks.example.com/",
        "https://user@hooks.example.com/",
        "http://hooks.example.com/",
        "https://127.0.0.1/",
        "https://0.0.0.0/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://[::ffff:8.8.8.8]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/",
        "https://hooks.example.com:65536/",
        "https:///path",
    ],
)
def test_a_url_that_nothing_would_be_sent_to_is_refused(url: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        CONTEXT.check_url(url)
    assert list(refused.value.details["errors"]) == ["url"]


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/",
        "https://hooks.example.com:8443/a?b=c",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]/",
        "https://local.example.com/",
        "https://erp.internals.example/",
        "https://erp.internal:8443/",
        "http://localhost:8080/",
    ],
)
def test_what_may_be_public_or_is_named_is_taken(url: str) -> None:
    CONTEXT.check_url(url)


def test_control_without_the_names_a_local_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_context, "is_local_name", lambda _: False)
    for url in LOCAL:
        CONTEXT.check_url(url)
