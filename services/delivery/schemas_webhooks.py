"""What clients send about webhooks (contract, section 9)."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo

from services.delivery.event_types import is_known
from services.delivery.schemas import MAX_TYPES, TYPE_PATTERN
from shared.http.models import Body, MergePatch
from shared.http.pagination import PagedQuery
from shared.validation.fields import QueryId, Reason, Timestamp, is_stored
from shared.validation.https_url import MAX_URL, https_url

WebhookStatus = Literal["enabled", "disabled"]
MessageStatus = Literal["pending", "delivered", "failed", "dropped"]


def _known(name: str, info: ValidationInfo) -> str:
    if not is_known(name) and not is_stored(name, info):
        raise ValueError("is no type of event")
    return name


def _url(value: str) -> str:
    if value[:7].lower() != "http://":
        return https_url(value)
    return f"http{https_url(f'https{value[4:]}').removeprefix('https')}"


def _distinct(names: list[str]) -> list[str]:
    if len(set(names)) != len(names):
        raise ValueError("must not contain a type more than once")
    return sorted(names)


WantedType = Annotated[str, Field(max_length=200, pattern=f"^{TYPE_PATTERN}$"), AfterValidator(_known)]
WantedTypes = Annotated[
    list[WantedType], Field(max_length=MAX_TYPES, json_schema_extra={"uniqueItems": True}), AfterValidator(_distinct)
]
"""None are all, also those of later versions."""
Url = Annotated[
    str,
    Field(max_length=MAX_URL, json_schema_extra={"format": "uri", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://"}),
    AfterValidator(_url),
]
"""In the normal form of `https_url`. Where http may lead is checked with the installation's settings."""


class WebhookQuery(PagedQuery):
    status: WebhookStatus | None = None


class MessageQuery(PagedQuery):
    status: MessageStatus | None = None


class AttemptQuery(PagedQuery):
    message_id: QueryId | None = None


class WebhookFields(Body):
    """A webhook as clients write it: the body of its creation, and the document that a change is merged into."""

    url: Url
    types: WantedTypes = Field(default_factory=list)
    description: Reason | None = None
    thin: bool = False
    status: WebhookStatus = "enabled"


class WebhookPatch(MergePatch):
    document = WebhookFields


class SecretRotation(Body):
    """`at_once`: the old secret signs nothing from now on."""

    at_once: bool = False


class Recovery(Body):
    """`since`: of the events that were taken into the feed from then on."""

    since: Timestamp
