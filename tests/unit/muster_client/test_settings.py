"""Where the server is, and who asks it."""

import pytest

from muster.errors import SettingsMissing
from muster.settings import Settings

NOTHING: dict[str, str | None] = {}
PROGRAM = {"MUSTER_URL": "https://m.example", "MUSTER_CLIENT_ID": "id", "MUSTER_CLIENT_SECRET": "secret"}


def test_options_come_before_the_environment() -> None:
    found = Settings.of({"url": "http://127.0.0.1:8000/api/v1/"}, {**PROGRAM, "MUSTER_TOKEN": "a.b.c\n"})
    assert (found.url, found.token, found.client_id, found.is_local) == ("http://127.0.0.1:8000", "a.b.c", None, True)


def test_a_token_that_is_given_is_used_though_there_is_a_program() -> None:
    assert Settings.of({"token": "x.y.z"}, PROGRAM).token == "x.y.z"


def test_a_program_that_is_given_is_used_though_there_is_a_token() -> None:
    found = Settings.of({"client_id": "other"}, {**PROGRAM, "MUSTER_TOKEN": "a.b.c"})
    assert (found.token, found.client_id, found.client_secret, found.is_local) == (None, "other", "secret", False)


def test_secrets_are_not_shown() -> None:
    assert "secret" not in repr(Settings.of(NOTHING, PROGRAM))
    assert "a.b.c" not in repr(Settings.of({"token": "a.b.c"}, PROGRAM))


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {**PROGRAM, "MUSTER_URL": ""},
        {**PROGRAM, "MUSTER_CLIENT_SECRET": ""},
        {**PROGRAM, "MUSTER_TOKEN": "two words"},
        {**PROGRAM, "MUSTER_TOKEN": "zoë"},
        *(
            {**PROGRAM, "MUSTER_URL": url}
            for url in ("m.example", "ftp://m.example", "https://", "https://u:p@m.example", "https://m.example:x")
        ),
    ],
)
def test_what_is_missing_or_malformed_is_said(environment: dict[str, str]) -> None:
    with pytest.raises(SettingsMissing, match="MUSTER_"):
        Settings.of(NOTHING, environment)
