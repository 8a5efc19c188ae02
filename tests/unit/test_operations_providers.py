"""The claim maps that operators are shown are those that the tests try."""

import json
import re
from typing import Any

from gateway.auth.claim_map import ClaimMap
from gateway.auth.providers import ProviderSettings
from tests.support.papers import ROOT, section, text_of
from tests.support.providers import ENTRA_AUDIENCE, ENTRA_MAP, ENTRA_PROGRAM, ENTRA_TENANT, KEYCLOAK_MAP


def documented_maps() -> list[dict[str, Any]]:
    """Those that operators are shown, with the names of an installation filled in."""
    page = section(text_of(ROOT / "docs" / "operations.md"), "## Identity providers")
    filled = (
        page.replace("<tenant>", ENTRA_TENANT)
        .replace("<application id>", ENTRA_AUDIENCE)
        .replace("<client id>", ENTRA_PROGRAM)
    )
    blocks = re.findall(r"```json\n(.+?)```", filled, re.DOTALL)
    return [ProviderSettings.model_validate(json.loads(block)[0]).model_dump()["claims"] for block in blocks]


def test_the_maps_of_the_page_are_those_that_are_tried() -> None:
    tried = [ClaimMap.model_validate(each).model_dump() for each in (ENTRA_MAP, KEYCLOAK_MAP)]
    assert documented_maps() == tried
