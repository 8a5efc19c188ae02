"""Webhooks: addresses that nothing may be sent to, members that are the installation's own, permissions of others."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.security.corpus import FORBIDDEN, MALFORMED, NOT_FOUND, Case, Family, get, invalid, send
from tests.security.feed import NO_PERMISSION_OF_IT

WEBHOOKS = "/api/v1/webhooks"
GOOD = {"url": '"https://hooks.example/in"', "status": '"disabled"'}
NO_URLS = [
    "https://127.0.0.1/", "https://127.0.0.1:8443/x", "https://10.0.0.1/", "https://172.16.5.4/", "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/", "https://100.64.0.1/", "https://0.0.0.0/", "https://255.255.255.255/",
    "https://224.0.0.1/", "https://[::]/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/",
    "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/",
    "https://[fc00::1]/", "https://[fd00:ec2::254]/", "https://[ff02::1]/", "https://[::127.0.0.1]/",
    "http://hooks.example/", "ftp://hooks.example/", "file:///etc/passwd", "gopher://hooks.example/",
    "//hooks.example/",
    "javascript:alert(1)", "hooks.example/in", "https:/hooks.example/", "https://", "https:///in", "https://:443/",
    "https://user:word@hooks.example/", "https://hooks.example@127.0.0.1/", "https://hooks.example:0/",
    "https://hooks.example:65536/", "https://hooks.example:x/", "https://hooks example/", "https://hooks.example/a b",
    "https://hooks.example/\\n", "https://hooks.example/\\r\\nHost: x", "https://hooks.example/\\u0000",
    "https://h\\u00f6\\u00f6ks.example/", "https://[hooks.example/", "https://hooks.example\\\\@127.0.0.1/",
    "https://" + "x" * 300 + ".example/", "https://hooks.example/" + "x" * 2100, "",
]  # fmt: skip
NO_MEMBERS: dict[str, list[str]] = {
    "url": ["null", "1", '["https://hooks.example/"]', "{}"],
    "types": [
        "null", '"training.course.saved.v1"', "[1]", '[""]', '["*"]', '["training"]', '["training.*.saved"]',
        '["training.course.saved.v1 "]', '["nobody.course.saved.v1"]', '["training.course.saved.v99"]',
    ],
    "thin": ["null", "1", '"true"'],
    "status": ["null", '"gone"', '"ENABLED"', "true"],
    "description": ["1", '"a\\u0000"', '"\\u001b[31m"'],
}  # fmt: skip
NOT_THEIRS_TO_SET = {
    "id": "7",
    "organisation_id": "<their organisation>",
    "secret": '"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"',
    "previous_secret": "null",
    "signing_key": '"x"',
    "public_key": '"whpk_x"',
    "failing_since": "null",
    "disabled_reason": "null",
    "created_at": '"2026-01-01T00:00:00Z"',
    "version": "1",
}


def webhook(**members: str) -> str:
    return "{" + ", ".join(f'"{name}": {value}' for name, value in (GOOD | members).items()) + "}"


def made(name: str, body: str, *names: str) -> Case:
    return Case(name, send("POST", WEBHOOKS, body), invalid(*names), service="delivery")


def changed(name: str, body: str, *names: str) -> Case:
    return Case(name, send("PATCH", f"{WEBHOOKS}/<webhook>", body), invalid(*names), service="delivery")


def members() -> Iterator[Case]:
    for url in NO_URLS:
        yield made(f"url {url[:60]}", webhook(url=f'"{url}"'), "url")
        yield changed(f"url changed to {url[:60]}", f'{{"url": "{url}"}}', "url")
    for name, values in NO_MEMBERS.items():
        for value in values:
            field = f"{name}.0" if value.startswith("[") and name == "types" else name
            yield made(f"{name} {value[:40]}", webhook(**{name: value}), field)
    for name, value in NOT_THEIRS_TO_SET.items():
        yield made(f"with {name}", webhook(**{name: value}), name)
        yield changed(f"changed {name}", f'{{"{name}": {value}}}', name)
    yield made("the same type twice", webhook(types=json.dumps(["training.course.*"] * 2)), "types")
    yield made("a thousand types", webhook(types=json.dumps(["training.course.*"] * 1000)), "types")


def paths() -> Iterator[Case]:
    for id_ in ("0", "-1", "abc", "1.0", "<nobody>", "9" * 19, "%00", "<webhook>%27"):
        for rest in ("", "/secret", "/audit"):
            expected = MALFORMED if id_ == "%00" else NOT_FOUND
            yield Case(f"{id_}{rest}", get(f"{WEBHOOKS}/{id_}{rest}"), expected, service="delivery")
    for permissions in [["api.access", "events.view"], *NO_PERMISSION_OF_IT]:
        if "webhooks.manage" not in permissions:
            token = _token_with(permissions)
            for path in ("", "/<webhook>", "/<webhook>/secret"):
                name = f"{path} with {permissions}"
                yield Case(name, get(WEBHOOKS + path), FORBIDDEN, service="delivery", token=token)
            request = send("POST", WEBHOOKS, webhook())
            yield Case(f"made with {permissions}", request, FORBIDDEN, service="delivery", token=token)


def _token_with(permissions: list[str]) -> Callable[[Any], str]:
    return lambda keys: str(keys.rightly(permissions=permissions))


FAMILY = Family("webhooks", [*members(), *paths()], 180)
