"""Tokens that are not good: signatures, keys, headers and claims (RFC 7515, RFC 7519, RFC 8725)."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from shared.auth.trust import GATEWAY
from tests.security.corpus import (
    BAD_TOKEN,
    COURSES,
    ENROLLMENTS,
    EXPIRED,
    FORBIDDEN,
    NO_TOKEN,
    OK,
    Case,
    Expected,
    Family,
    get,
)
from tests.security.keys import Keys, b64, flipped, internal_public_bytes, public_bytes, public_jwk
from tests.support.providers import OUTSIDE_ISSUER

Forge = Callable[[Keys], str]
_DEEP = b'{"a":' * 600 + b"1" + b"}" * 600
_PAIR = b'{"alg": "HS256", "alg": "HS256"}'


def case(name: str, forge: Forge, expected: Expected = BAD_TOKEN, direct: Expected | None = None) -> Case:
    return Case(name, get(COURSES), expected, direct, token=forge)


def header(name: str, **members: Any) -> Case:
    """Rightly signed, under this header."""
    text = json.dumps({"alg": "HS256", **members}).encode()
    return case(f"header {name}", lambda keys: keys.rightly(header=text))


def raw_header(name: str, text: bytes) -> Case:
    return case(f"header {name}", lambda keys: keys.rightly(header=text))


def payload(name: str, text: bytes) -> Case:
    return case(f"payload {name}", lambda keys: keys.rightly(text))


def claim(name: str, *values: Any, expected: Expected = BAD_TOKEN) -> Iterator[Case]:
    """Rightly signed, with this claim as each of the values."""
    for value in values:
        written = "removed" if value is ... else json.dumps(value)[:30]
        yield case(f"claim {name} {written}", _claiming(name, value), expected)


def _claiming(name: str, value: Any) -> Forge:
    return lambda keys: keys.rightly(**{name: value})


def _by_public_key(key: str, form: str, **changes: Any) -> Forge:
    """The classic confusion: a public key used as if it were a shared secret."""
    header = json.dumps({"alg": "HS256", "kid": key}).encode()
    return lambda keys: keys.signed_with(public_bytes(key, form), None, header, **changes)


def _by_key(key: str, header: dict[str, Any] | None = None, algorithm: str = "") -> Forge:
    return lambda keys: keys.by_key(key, header, algorithm)


def client_claim(name: str, *values: Any) -> Iterator[Case]:
    """A claim that client tokens alone have: a service passes it over."""
    for made in claim(name, *values):
        yield Case(made.name, made.request, made.expected, OK, token=made.token)


SIGNATURES = [
    case("good", Keys.good, OK),
    case("alg none, no signature", lambda keys: keys.unsigned(header=b'{"alg": "none"}') + "."),
    case("alg none, a signature", lambda keys: keys.rightly(header=b'{"alg": "none"}')),
    case("alg None", lambda keys: keys.unsigned(header=b'{"alg": "None"}') + ".AA"),
    case("alg nOnE", lambda keys: keys.rightly(header=b'{"alg": "nOnE"}')),
    case("no signature", lambda keys: keys.unsigned() + "."),
    case("two parts", Keys.unsigned),
    case("four parts", lambda keys: keys.good() + ".AA"),
    case("five parts, as if encrypted", lambda keys: keys.good() + ".AA.AA"),
    case("an empty payload", lambda keys: keys.good().replace(keys.good().split(".")[1], "")),
    case("an empty secret", lambda keys: keys.signed_with(b"")),
    case("another secret", lambda keys: keys.signed_with(b"s" * 32)),
    case("HS384 with the right secret", lambda keys: keys.signed_with(keys.secret.encode(), None, b'{"alg": "HS384"}')),
    case("HS512", lambda keys: keys.signed_with(keys.secret.encode(), None, b'{"alg": "HS512"}', "sha512")),
    case("a bit of the header", lambda keys: flipped(keys.good(), 0)),
    case("a bit of the payload", lambda keys: flipped(keys.good(), 1)),
    case("a bit of the signature", lambda keys: flipped(keys.good(), 2)),
    case("truncated", lambda keys: keys.good()[:-5]),
    case("padded", lambda keys: keys.good() + "="),
    case("standard base64", lambda keys: keys.good() + "+/"),
    case("non-ASCII in it", lambda keys: keys.good() + "\xe9"),
    case("bytes that are no text", lambda keys: "\xff\xfe" + keys.good()),
    case("a blank in it", lambda keys: keys.good().replace(".", ". ", 1)),
    case("a tab in it", lambda keys: keys.good().replace(".", "\t.", 1)),
    case("in quotes", lambda keys: f'"{keys.good()}"'),
    case("only dots", lambda _: ".."),
    case("a word", lambda _: "token"),
    case("8,000 characters", lambda _: "a" * 8000),
    case("8,000 dots", lambda _: "." * 8000),
    case("nested in a token", lambda keys: keys.rightly(keys.good().encode(), b'{"alg": "HS256", "cty": "JWT"}')),
    case("JSON serialization", lambda keys: json.dumps({"payload": keys.good()})),
    case("the other kind's", lambda keys: keys.rightly(iss="muster-gateway", aud="muster-api")),
    case("blanks after it", lambda keys: keys.good() + "   ", OK),
]

CONFUSION = [
    *(
        case(f"HS256 with the {form} of the public {key} key", _by_public_key(key, form))
        for key, form in [("ed", "raw"), ("ed", "pem"), ("ed", "jwk"), ("ec", "pem"), ("ec", "der"), ("rsa", "pem")]
    ),
    *(
        case(f"HS256 with the {form} of the {key} key, of its provider", _by_public_key(key, form, iss=OUTSIDE_ISSUER))
        for key, form in [("ed", "raw"), ("ec", "der"), ("rsa", "pem")]
    ),
    case("the outside provider's with our secret", lambda keys: keys.rightly(iss=OUTSIDE_ISSUER)),
    case("our own issuer by an outside key", lambda keys: keys.by_key("ed", iss="muster")),
    case("an outside issuer with a slash", lambda keys: keys.by_key("ed", iss=f"{OUTSIDE_ISSUER}/")),
    *(case(f"{key} under its kid", _by_key(key), OK, BAD_TOKEN) for key in ("ed", "ec", "rsa")),
    case("EdDSA under the kid of the RSA key", _by_key("ed", {"kid": "rsa"})),
    case("RS256 under the kid of the EC key", _by_key("rsa", {"kid": "ec"})),
    case("RS512 by a key for RS256", _by_key("rsa", algorithm="RS512")),
    case("PS256 by a key for RS256", _by_key("rsa", algorithm="PS256")),
    case("a key without a kid", _by_key("ed", {})),
    case("a kid of nobody", _by_key("ed", {"kid": "nobody"})),
    case("a key of its own", _by_key("own", {"kid": "ed"})),
    case("jwk: a key of its own", _by_key("own", {"jwk": public_jwk("own")})),
    case("jwk and a known kid", _by_key("own", {"jwk": public_jwk("own"), "kid": "ed"})),
    case("jku", _by_key("own", {"jku": "http://127.0.0.1:9/keys", "kid": "own"})),
    case("x5u", _by_key("own", {"x5u": "http://127.0.0.1:9/cert", "kid": "own"})),
    case("x5c", _by_key("own", {"x5c": [b64(public_bytes("own", "der"))], "kid": "own"})),
    case("a kid that is a path", _by_key("own", {"kid": "../../../dev/null"})),
    case("a kid that is SQL", _by_key("own", {"kid": "x' UNION SELECT 'x"})),
    case("a kid that is a command", _by_key("own", {"kid": "|echo"})),
    case("a kid with NUL", _by_key("own", {"kid": "ed\0"})),
]

HEADERS = [
    header("HS256 under the kid of the Ed25519 key and alg EdDSA", alg="EdDSA", kid="ed"),
    header("alg in lower case", alg="hs256"),
    header("alg with a blank", alg="HS256 "),
    header("alg a list", alg=["HS256"]),
    header("alg a number", alg=256),
    header("alg null", alg=None),
    header("alg empty", alg=""),
    header("kid a number", kid=1),
    header("kid a list", kid=["ed"]),
    header("crit", crit=["exp"], exp=1),
    header("crit empty", crit=[]),
    header("crit unknown", crit=["http://example.com/x"]),
    header("b64 false", b64=False, crit=["b64"]),
    header("b64 false without crit", b64=False),
    header("typ of a logout", typ="logout+jwt"),
    header("typ a number", typ=5),
    header("typ of something signed", typ="JOSE+JSON"),
    raw_header("alg twice", _PAIR),
    raw_header("a list", b"[]"),
    raw_header("text", b'"HS256"'),
    raw_header("null", b"null"),
    raw_header("empty", b"{}"),
    raw_header("no JSON", b"alg: HS256"),
    raw_header("no UTF-8", b"\xff\xfe"),
    raw_header("deep", _DEEP),
    raw_header("an exponent of 20 digits", b'{"alg": "HS256", "a": 1e99999999999999999999}'),
    raw_header("NaN", b'{"alg": NaN}'),
]

CLAIMS = [
    *claim("exp", ..., None, "9999999999", 1e308, True, -1, [1], {"a": 1}, 10**15, -0.5, float("nan"), float("inf")),
    *claim("exp", 0, 1_000_000_000, 1.5, expected=EXPIRED),
    *claim("exp", 9_999_999_999.5, expected=OK),
    *claim("iat", 1.5, 1_000_000_000.25, expected=OK),
    *claim("nbf", 0.5, expected=OK),
    *claim("iat", ..., None, "now", True, 9_999_999_999, float("inf"), [1]),
    *claim("nbf", "x", 9_999_999_999, float("nan"), True),
    *claim("iss", ..., None, "", "somebody", ["muster"], {"muster": 1}, "muster ", 1),
    *claim("aud", ..., None, "", "other", ["other"], {"muster-api": 1}, 1, [[]], "MUSTER-API"),
    *claim("sub", ..., None, "", 7, True, ["x"], "x" * 256, "a\0b", "a\nb", "\ud800"),
    *claim("org", ..., None, 0, -1, "1", 1.0, True, [1], 2**63, 10**30, 1e308, float("nan")),
    *claim("user_type", ..., None, "root", "", ["staff"], 1),
    *claim(
        "permissions", "api.access", None, {"api.access": True}, [1], [["api.access"]], ["x"] * 101, [""], ["x" * 101]
    ),
    *claim("permissions", ..., [], ["training.view"], ["API.ACCESS"], ["*"], ["api.access "], expected=FORBIDDEN),
    *claim("employee_id", "42", True, 0, -1, 2**63, 1.0, [1]),
    *claim("company_ids", 7, "7", None, ["7"], [True], [0], [-1], [2**63], [1.0], {"7": 1}, list(range(1, 102))),
    *claim("name", 5, None, ["x"], "x" * 256, "\0"),
    *claim("jti", ..., None, "", 5, "x" * 256),
    *client_claim("rate_limit", 0, -1, "60", True, 10**9, 1e308),
    payload("org twice", b'{"org": 1, "org": 2}'),
    payload("a list", b"[]"),
    payload("null", b"null"),
    payload("a number", b"1"),
    payload("empty", b"{}"),
    payload("no JSON", b"sub=1"),
    payload("no UTF-8", b"\xff\xfe"),
    payload("deep", _DEEP),
    payload("an exponent of 20 digits", b'{"a": 1e99999999999999999999}'),
    payload("NUL alone", b"\0"),
    case("every claim twice", lambda keys: keys.rightly(keys.payload()[:-1] + b", " + keys.payload()[1:])),
    case(
        "its own permissions twice",
        lambda keys: keys.rightly(keys.payload()[:-1] + b', "permissions": ["internal.seats"]}'),
    ),
    case("a byte order mark", lambda keys: keys.rightly(b"\xef\xbb\xbf" + keys.payload())),
    case("more behind the claims", lambda keys: keys.rightly(keys.payload() + b"{}")),
]


ISSUERS_OWN: dict[str, Any] = {"iss": "catalog", "aud": "enrollment", "sub": "catalog", "user_type": "service"}
"""What the catalog says of itself at enrollment."""


def at_enrollment(name: str, issuer: str, direct: Expected = BAD_TOKEN, **changes: Any) -> Case:
    """Signed with the internal key of the gateway or a service; no client may use such a token."""
    made = case(name, lambda keys: keys.by_issuer(issuer, **changes), BAD_TOKEN, direct)
    return Case(made.name, get(ENROLLMENTS), made.expected, made.direct, "enrollment", token=made.token)


def by_catalog(name: str, direct: Expected = BAD_TOKEN, **changes: Any) -> Case:
    return at_enrollment(f"the catalog's key {name}", "catalog", direct, **{**ISSUERS_OWN, **changes})


def _hs256_by_internal_key(form: str) -> Forge:
    return lambda keys: keys.signed_with(internal_public_bytes(form))


WALLS = [
    at_enrollment("the gateway's token for enrollment", GATEWAY, OK, iss=GATEWAY, aud="enrollment"),
    at_enrollment("the gateway's token for the catalog", GATEWAY, iss=GATEWAY, aud="catalog"),
    at_enrollment("the gateway's token for both", GATEWAY, iss=GATEWAY, aud=["catalog", "enrollment"]),
    at_enrollment("the gateway's token for all, as it was", GATEWAY, iss=GATEWAY, aud="internal"),
    at_enrollment("the gateway's key as the catalog", GATEWAY, **ISSUERS_OWN, permissions=["internal.seats"]),
    at_enrollment(
        "the gateway's key with what services ask",
        GATEWAY,
        iss=GATEWAY,
        aud="enrollment",
        permissions=["api.access", "training.view", "internal.seats"],
    ),
    at_enrollment(
        "the gateway's key for every organisation",
        GATEWAY,
        iss=GATEWAY,
        aud="enrollment",
        org=0,
        permissions=["internal.states"],
    ),
    by_catalog("with what it may ask", FORBIDDEN, permissions=["internal.seats"]),
    by_catalog("for every organisation, with what it may ask", FORBIDDEN, org=0, permissions=["internal.states"]),
    by_catalog("for every organisation, without", org=0, permissions=["internal.seats"]),
    by_catalog("with a user's permissions"),
    by_catalog("with one of a user's", permissions=["internal.seats", "training.view"]),
    by_catalog("with what enrollment may ask", permissions=["internal.sessions"]),
    by_catalog("with the permission for everything, as it was", permissions=["api.access", "internal.call"]),
    by_catalog("as the gateway", iss=GATEWAY),
    by_catalog("as enrollment", iss="enrollment", sub="enrollment", permissions=["internal.seats"]),
    by_catalog("for a person", sub="tester", permissions=["internal.seats"]),
    by_catalog("as staff", user_type="staff", permissions=["internal.seats"]),
    by_catalog("for the catalog", aud="catalog", permissions=["internal.seats"]),
    by_catalog("without a jti", jti=..., permissions=["internal.seats"]),
    at_enrollment(
        "history's key with what the catalog may ask",
        "history",
        **ISSUERS_OWN | {"iss": "history", "sub": "history"},
        permissions=["internal.seats"],
    ),
    *(
        case(f"HS256 with the {form} of the gateway's internal key", _hs256_by_internal_key(form))
        for form in ("raw", "pem", "der", "jwk")
    ),
]


def authorization(name: str, *values: str, expected: Expected) -> Case:
    lines = "".join(f"Authorization: {value}\r\n" for value in values)
    return Case(f"Authorization {name}", get(COURSES).replace("Authorization: Bearer <token>\r\n", lines), expected)


def without_header(target: str, *headers: str) -> str:
    return get(target, *headers).replace("Authorization: Bearer <token>\r\n", "")


AUTHORIZATION = [
    authorization("absent", expected=NO_TOKEN),
    authorization("empty", "", expected=NO_TOKEN),
    authorization("scheme alone", "Bearer", expected=NO_TOKEN),
    authorization("scheme and blanks", "Bearer    ", expected=NO_TOKEN),
    authorization("without a scheme", "<token>", expected=NO_TOKEN),
    authorization("Basic", "Basic <token>", expected=NO_TOKEN),
    authorization("Digest", 'Digest username="<token>"', expected=NO_TOKEN),
    authorization("scheme with a colon", "Bearer: <token>", expected=NO_TOKEN),
    authorization("scheme with a tab", "Bearer\t<token>", expected=NO_TOKEN),
    authorization("scheme in capitals", "BEARER <token>", expected=OK),
    authorization("two blanks", "Bearer  <token>", expected=OK),
    authorization("twice the same", "Bearer <token>", "Bearer <token>", expected=BAD_TOKEN),
    authorization("good and empty", "Bearer <token>", "", expected=BAD_TOKEN),
    authorization("bad and good", "Bearer x", "Bearer <token>", expected=BAD_TOKEN),
    authorization("Basic and good", "Basic eDp5", "Bearer <token>", expected=BAD_TOKEN),
    authorization("a list", "Bearer <token>, Bearer <token>", expected=BAD_TOKEN),
    authorization("with parameters", 'Bearer <token>, realm="x"', expected=BAD_TOKEN),
    authorization("token=", "Bearer token=<token>", expected=BAD_TOKEN),
    Case("token in the query", without_header(f"{COURSES}?access_token=<token>"), NO_TOKEN),
    Case("token in a cookie", without_header(COURSES, "Cookie: token=<token>"), NO_TOKEN),
    Case("Proxy-Authorization", get(COURSES).replace("Authorization:", "Proxy-Authorization:"), NO_TOKEN),
    Case("X-Authorization", get(COURSES).replace("Authorization:", "X-Authorization:"), NO_TOKEN),
    Case("Authorization_", get(COURSES).replace("Authorization:", "Authorization_:"), NO_TOKEN),
]

FAMILY = Family("tokens", [*SIGNATURES, *CONFUSION, *HEADERS, *CLAIMS, *WALLS, *AUTHORIZATION], 216)
