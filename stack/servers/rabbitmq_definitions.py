"""RabbitMQ's users and their permissions, as a definitions file that the broker reads at its start.

Needs nothing but Python itself and the table of services: a container runs these two files without the rest
(docker-compose.yml, prepare-broker).
"""

import argparse
import base64
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack.services import SERVICE_NAMES, SERVICES, Service

ADMINISTRATOR = "muster"
"""Declares exchanges and queues: `migrate` and an operator's commands."""
VIRTUAL_HOST = "/"
NOTHING = "^$"
EVERYTHING = ".*"
SUBSCRIBERS = "subscriber"
"""What the names of subscribers' users, queues and exchanges begin with: none is ever that of a service."""
SUBSCRIBER_NAME = re.compile("[a-z][a-z0-9-]{0,39}")
SUBSCRIBER_LIMITS = {"max-connections": 20, "max-channels": 200}
SUBSCRIBER_QUEUE_BYTES = 512 * 2**20
"""Of each queue, by a policy: one that nobody reads would fill the disk, and a broker without disk takes no events. The
oldest messages go first, since a queue that refuses new ones would hold up everybody's events."""
SUBSCRIBER_POLICY = {
    "vhost": VIRTUAL_HOST,
    "name": "subscribers",
    "pattern": rf"^{SUBSCRIBERS}\.",
    "apply-to": "queues",
    "priority": 1,
    "definition": {"max-length-bytes": SUBSCRIBER_QUEUE_BYTES, "overflow": "drop-head"},
}


@dataclass(frozen=True)
class Installation:
    """The values of EXCHANGE and QUEUE_PREFIX. With different ones, several installations can share a broker."""

    exchange: str = "training.events"
    queue_prefix: str = "muster"


def definitions(
    passwords: Mapping[str, str],
    installations: Sequence[Installation] = (Installation(),),
    subscribers: Mapping[str, str] = {},
) -> str:
    """The file's content: the administrator and a user for each service, `passwords` by their names, and subscribers.

    A service's user declares nothing. It reads its queue and its dead letters, writes to the exchange of its dead
    letters and, when it publishes, to the exchange of events, where the routing key must be of an event of its own.
    A subscriber's user declares what begins with its own name, binds it to the exchange of events, and publishes none.
    `subscribers` are passwords by the subscribers' names.
    """
    users = [_user(name, password) for name, password in passwords.items()]
    permissions = [_permission(ADMINISTRATOR, EVERYTHING, EVERYTHING, EVERYTHING)]
    topics = []
    for service in SERVICES:
        permissions.append(_service_permission(service, installations))
        topics += [_topic_permission(service, each.exchange) for each in installations]
    for name, password in subscribers.items():
        user = subscriber_user(name)
        users.append({**_user(user, password), "limits": SUBSCRIBER_LIMITS})
        permissions.append(_subscriber_permission(user, installations))
        topics += [_topic(user, each.exchange, write=NOTHING, read=EVERYTHING) for each in installations]
    content = {
        "vhosts": [{"name": VIRTUAL_HOST}],
        "users": users,
        "permissions": permissions,
        "topic_permissions": topics,
        "policies": [SUBSCRIBER_POLICY],
    }
    return json.dumps(content, indent=2) + "\n"


def subscriber_user(name: str) -> str:
    """The subscriber's user on the broker, and what the names of its queues begin with; ValueError for a wrong name."""
    if not SUBSCRIBER_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a subscriber: 1 to 40 of a-z, 0-9 and -, the first a letter")
    return f"{SUBSCRIBERS}.{name}"


def read_subscribers(directory: Path) -> dict[str, str]:
    """Passwords by the subscribers' names, from one file each; none where there is no directory."""
    files = sorted(directory.iterdir()) if directory.is_dir() else []
    return {file.name: file.read_text().strip() for file in files if SUBSCRIBER_NAME.fullmatch(file.name)}


def _user(name: str, password: str) -> dict[str, Any]:
    return {
        "name": name,
        "password_hash": password_hash(password, secrets.token_bytes(4)),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": ["administrator"] if name == ADMINISTRATOR else [],
    }


def password_hash(password: str, salt: bytes) -> str:
    """In RabbitMQ's format: a salt of four bytes, then the SHA-256 of salt and password (its "Passwords" guide)."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _service_permission(service: Service, installations: Sequence[Installation]) -> dict[str, str]:
    queues = [f"{each.queue_prefix}.{service.name}" for each in installations]
    dead_letters = [f"{queue}.dead-letters" for queue in queues]
    events = [each.exchange for each in installations] if service.publishes else []
    return _permission(service.name, NOTHING, _any_of([*events, *dead_letters]), _any_of([*queues, *dead_letters]))


def _subscriber_permission(user: str, installations: Sequence[Installation]) -> dict[str, str]:
    own = rf"{re.escape(user)}(\..+)?"
    events = "|".join(re.escape(each.exchange) for each in installations)
    return _permission(user, f"^{own}$", f"^{own}$", f"^({own}|{events})$")


def _permission(user: str, configure: str, write: str, read: str) -> dict[str, str]:
    return {"user": user, "vhost": VIRTUAL_HOST, "configure": configure, "write": write, "read": read}


def _topic_permission(service: Service, exchange: str) -> dict[str, str]:
    write = f"^({'|'.join(service.publishes)})\\." if service.publishes else NOTHING
    return _topic(service.name, exchange, write=write, read=NOTHING)


def _topic(user: str, exchange: str, *, write: str, read: str) -> dict[str, str]:
    return {"user": user, "vhost": VIRTUAL_HOST, "exchange": exchange, "write": write, "read": read}


def _any_of(names: Iterable[str]) -> str:
    return f"^({'|'.join(map(re.escape, names))})$"


def main() -> None:
    """Write the file from a directory with one password per file. All may read it: it holds only hashes."""
    parser = argparse.ArgumentParser(description="Writes RabbitMQ's definitions from a directory of passwords.")
    parser.add_argument("passwords", type=Path, help="directory with rabbitmq_password, rabbitmq_catalog_password, …")
    parser.add_argument("file", type=Path, help="the definitions file to write")
    parser.add_argument("--subscribers", type=Path, help="directory with a password per subscriber, named after it")
    arguments = parser.parse_args()
    files = {ADMINISTRATOR: "rabbitmq_password", **{name: f"rabbitmq_{name}_password" for name in SERVICE_NAMES}}
    passwords = {user: (arguments.passwords / name).read_text().strip() for user, name in files.items()}
    draft = arguments.file.with_name(f"{arguments.file.name}.new")
    subscribers = read_subscribers(arguments.subscribers) if arguments.subscribers else {}
    draft.write_text(definitions(passwords, subscribers=subscribers))
    draft.chmod(0o644)
    os.replace(draft, arguments.file)


if __name__ == "__main__":
    main()
