"""The setting that names hosts which may be private."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from services.delivery.settings import PrivateHosts


class Settings(BaseModel):
    hosts: PrivateHosts = frozenset()


def hosts(value: Any) -> frozenset[str]:
    return Settings(hosts=value).hosts


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", set()),
        ("crm.internal:8080", {"crm.internal:8080"}),
        (" CRM.internal:8080 , 10.0.0.7:443,", {"crm.internal:8080", "10.0.0.7:443"}),
        ("[FD00::1]:99", {"[fd00::1]:99"}),
    ],
)
def test_hosts_are_separated_by_commas(text: str, read: set[str]) -> None:
    assert hosts(text) == read


@pytest.mark.parametrize(
    "text", ["crm.internal", "http://crm:80", "fd00::1:99", "crm:x", "crm:", ":80", "a b:80", "*:80"]
)
def test_each_needs_its_port(text: str) -> None:
    with pytest.raises(ValidationError, match="is not host:port; an IPv6 address is written in brackets"):
        hosts(text)
