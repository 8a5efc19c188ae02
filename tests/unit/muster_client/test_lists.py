"""The names of lists, held against the API's document."""

import json

import pytest

from muster.errors import BadInput
from muster.exports import path_of
from tests.support.papers import ROOT

DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text())


def exported() -> list[str]:
    """The paths of all lists that come as CSV, an id in place of each parameter."""
    found = [
        path
        for path, item in DOCUMENT["paths"].items()
        if "text/csv" in item.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
    ]
    return [path.replace("{id}", "12") for path in found]


@pytest.mark.parametrize("path", exported())
def test_each_list_has_a_name(path: str) -> None:
    assert path_of(path.removeprefix("/api/v1/").removeprefix("training/")) == path


@pytest.mark.parametrize("name", ["shoes", "", "../users", "users/../x", "users?x=1", "users//x", "courses/1#"])
def test_others_have_none(name: str) -> None:
    with pytest.raises(BadInput):
        path_of(name)
