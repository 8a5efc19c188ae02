"""How a program says who it is (RFC 6749, section 2.3.1), and what errors say (section 5.2)."""

import base64
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accounts.client_authentication import Credentials, TokenRequest, credentials_of, parse_basic
from services.accounts.client_secrets import SECRET_PREFIX, digest_of, is_secret_of, new_client_id, new_secret
from services.accounts.oauth_errors import ClientRefused, InvalidGrant, OAuthError, oauth_error
from shared.errors import BadRequest, PayloadTooLarge, RateLimited, Unavailable, ValidationFailed
from shared.http.errors import UnsupportedMediaType

VISIBLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60)


def header(pair: bytes) -> str:
    return "Basic " + base64.b64encode(pair).decode()


@given(VISIBLE, VISIBLE)
def test_both_parts_are_form_encoded(name: str, secret: str) -> None:
    """So a colon in an id, or a plus in a secret, stays what it is."""
    assert parse_basic(header(f"{quote_plus(name)}:{quote_plus(secret)}".encode())) == Credentials(name, secret)


@given(st.text(max_size=200))
def test_any_header_is_read_or_refused(authorization: str) -> None:
    try:
        parse_basic(authorization)
    except ClientRefused:
        return


@given(st.binary(max_size=60))
def test_any_pair_is_read_or_refused(pair: bytes) -> None:
    try:
        credentials = parse_basic(header(pair))
    except ClientRefused:
        return
    assert all(" " <= character <= "~" for character in credentials.client_id + credentials.client_secret)


def test_our_own_ids_and_secrets_need_no_encoding() -> None:
    """Many clients do not encode them, authlib and curl among them."""
    for word in (new_client_id(), new_secret()):
        assert quote_plus(word) == word


def test_a_program_authenticates_by_basic_or_in_the_form() -> None:
    in_form = TokenRequest(client_id="id", client_secret="secret")
    assert credentials_of("", in_form) == Credentials("id", "secret")
    assert credentials_of(header(b"id:secret"), TokenRequest()) == Credentials("id", "secret")
    assert credentials_of(header(b"id:secret"), TokenRequest(client_id="id")) == Credentials("id", "secret")


TWO_WAYS = "The client authenticates in more than one way."
OTHER_CLIENT = "client_id is not the client that authenticates by HTTP Basic."
NOTHING = "Client id and secret are required: by HTTP Basic, or as client_id and client_secret."
ASSERTION = "Client assertions are not supported. Use client_secret_basic or client_secret_post."


@pytest.mark.parametrize(
    ("authorization", "form", "status", "why"),
    [
        (header(b"id:secret"), {"client_id": "id", "client_secret": "secret"}, 400, TWO_WAYS),
        (header(b"id:secret"), {"client_secret": "secret"}, 400, TWO_WAYS),
        (header(b"id:secret"), {"client_assertion": "x"}, 400, TWO_WAYS),
        ("", {"client_secret": "x", "client_assertion_type": "x"}, 400, TWO_WAYS),
        (header(b"id:secret"), {"client_id": "other"}, 400, OTHER_CLIENT),
        ("", {}, 401, NOTHING),
        ("", {"client_id": "id"}, 401, NOTHING),
        ("", {"client_secret": "secret"}, 401, NOTHING),
        ("", {"client_assertion": "x"}, 401, ASSERTION),
        ("", {"client_assertion_type": "x", "client_id": "id"}, 401, ASSERTION),
    ],
)
def test_a_program_says_in_one_way_who_it_is(authorization: str, form: dict[str, str], status: int, why: str) -> None:
    with pytest.raises(OAuthError) as refused:
        credentials_of(authorization, TokenRequest(**form))
    code = "invalid_client" if status == 401 else "invalid_request"
    assert (refused.value.status, refused.value.code, refused.value.message) == (status, code, why)


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic",
        "Basic !!!!",
        "Basic aWQ6c2VjcmV0!",
        "Basic aWQ6 c2VjcmV0",
        "Basic aWQ6c2VjcmV0\u00e9",
        "Digest aWQ6c2VjcmV0",
        "aWQ6c2VjcmV0",
        header(b"no-colon"),
        header(b"id:\xff"),
        header(b"id:%FF"),
        header(b"id:se\x00cret"),
        header(b"id:se%0Acret"),
        header(b"i\x7fd:secret"),
        header(b"id:" + b"x" * 3070),
    ],
)
def test_what_is_no_basic_header_is_refused(authorization: str) -> None:
    with pytest.raises(ClientRefused) as refused:
        parse_basic(authorization)
    assert refused.value.message == "The Authorization header has no credentials of the scheme Basic."


@pytest.mark.parametrize(
    ("authorization", "credentials"),
    [
        (header(b"id:secret"), Credentials("id", "secret")),
        ("  bASIC   aWQ6c2VjcmV0 ", Credentials("id", "secret")),
        (header(b"id:a:b"), Credentials("id", "a:b")),
        (header(b":"), Credentials("", "")),
        (header(b"id:" + b"x" * 3069), Credentials("id", "x" * 3069)),
    ],
)
def test_a_basic_header_has_an_id_and_a_secret(authorization: str, credentials: Credentials) -> None:
    assert parse_basic(authorization) == credentials


def test_who_is_refused_is_challenged() -> None:
    error = ClientRefused()
    assert error.body() == {"error": "invalid_client", "error_description": "The client id or the secret is wrong."}
    assert error.headers == {"WWW-Authenticate": 'Basic realm="muster", charset="UTF-8"'}


def test_a_secret_is_random_and_its_digest_known_alone() -> None:
    secret = new_secret()
    assert secret.startswith(SECRET_PREFIX)
    assert len(secret) == len(SECRET_PREFIX) + 43  # 32 bytes in base64
    assert len(new_client_id()) == len("muster_ci_") + 20
    assert len({new_secret() for _ in range(100)}) == 100
    assert is_secret_of(secret, digest_of(secret), None)
    assert is_secret_of(secret, digest_of("other"), digest_of(secret))
    assert not is_secret_of(secret, digest_of("other"), digest_of("another"))
    assert not is_secret_of(secret, digest_of("other"), None)
    assert not is_secret_of(secret)
    assert is_secret_of("é", digest_of("é"))


@pytest.mark.parametrize(
    ("error", "description"),
    [
        (ValidationFailed({"scope": ["Too long.", "Odd."]}), "scope: Too long."),
        (ValidationFailed({"body": ["Odd."]}), "Odd."),
        (ValidationFailed(), "The given data was invalid."),
        (ValidationFailed({'"é\\': ["Odd."]}), "???: Odd."),
        (BadRequest("The body is not UTF-8."), "The body is not UTF-8."),
        (UnsupportedMediaType("A form, please."), "A form, please."),
    ],
)
def test_what_cannot_be_read_is_an_invalid_request(error: ValidationFailed, description: str) -> None:
    assert oauth_error(error).body() == {"error": "invalid_request", "error_description": description}


def test_what_oauth_has_no_word_for_stays_as_it_is() -> None:
    for error in (PayloadTooLarge(), RateLimited(3), Unavailable(), InvalidGrant("x"), ClientRefused()):
        assert oauth_error(error) is error


def test_secrets_are_not_shown_by_mistake() -> None:
    request = TokenRequest(client_secret="geheim", refresh_token="geheim", client_assertion="geheim")
    assert "geheim" not in repr(request)
