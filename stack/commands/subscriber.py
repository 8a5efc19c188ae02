"""`./dev subscriber`: users of the broker for programs that follow the events, and the example of such a program."""

import asyncio
import os
import sys
from typing import NoReturn

from rich.console import Console

from stack.commands.operate import Invocation
from stack.config.ports import read_state
from stack.console import Steps
from stack.errors import StackError
from stack.paths import REPOSITORY, STACK_DIRECTORY, Layout
from stack.processes.file_lock import exclusive
from stack.servers.all import make_servers
from stack.servers.credentials import SUBSCRIBERS_DIRECTORY, load_credentials, make_subscriber, subscriber_file
from stack.servers.rabbitmq import RabbitMQServer, rabbitmq_process
from stack.servers.rabbitmq_definitions import read_subscribers, subscriber_user
from stack.servers.requirements import RABBITMQ, find
from stack.servers.subscribers import admit, dismiss
from stack.signals import interruptible

EXAMPLE = REPOSITORY / "examples" / "subscriber"
EXAMPLE_NAME = "example"
INTERRUPTED = 130
WORK = "adding or removing a subscriber"
NO_BROKER = (
    "No broker of the stack's own is running: ./dev up starts one. On a broker that AMQP_URL names,"
    " its administrator adds the users: docs/how-to/subscribe-to-events.md."
)


def subscriber(action: str, name: str | None, *, faststream: bool) -> int:
    """Add, remove or list users for subscribers, or become the example."""
    layout = Layout(STACK_DIRECTORY)
    match action:
        case "add":
            print(_wait_for_address(layout, _needed(name, action)))
        case "remove":
            with Steps(Console(stderr=True)) as steps:
                return asyncio.run(interruptible(remove(layout, _needed(name, action), steps), INTERRUPTED))
        case "run":
            run_example(layout, name or EXAMPLE_NAME, faststream=faststream)
        case _:
            print(*read_subscribers(layout.secrets / SUBSCRIBERS_DIRECTORY), sep="\n")
    return 0


def _needed(name: str | None, action: str) -> str:
    if name is None:
        raise StackError(f"Which one? ./dev subscriber {action} NAME")
    return name


def _wait_for_address(layout: Layout, name: str) -> str:
    with Steps(Console(stderr=True)) as steps:
        return asyncio.run(add(layout, name, steps))


async def add(layout: Layout, name: str, steps: Steps) -> str:
    """Give the subscriber a user, unless it has one; returns the broker's address as that user."""
    user = _user_of(name)
    async with exclusive(layout.subscribers_lock_file, steps.say, WORK):
        _broker(layout)
        make_subscriber(layout.secrets, name)
        broker = _broker(layout)
        with steps.step(f"User {user}"):
            await admit(broker, load_credentials(layout.secrets).subscribers)
    return broker.url_of(user)


async def remove(layout: Layout, name: str, steps: Steps) -> int:
    """Remove the subscriber's user and its queues."""
    user, file = _user_of(name), subscriber_file(layout.secrets, name)
    async with exclusive(layout.subscribers_lock_file, steps.say, WORK):
        broker = _broker(layout)
        if not file.exists():
            raise StackError(f"There is no subscriber {name}. ./dev subscriber list shows those that there are.")
        subscribers = load_credentials(layout.secrets).subscribers
        with steps.step(f"User {user} and its queues") as step:
            queues = await dismiss(broker, name, {each: value for each, value in subscribers.items() if each != name})
            step.result = ", ".join(["removed", *queues])
        file.unlink()
    return 0


def run_example(layout: Layout, name: str, *, faststream: bool) -> NoReturn:
    """Become the example, with a user of its own; what it keeps is in `.stack`."""
    variables = {"AMQP_URL": _wait_for_address(layout, name), "DATABASE": str(layout.root / f"{_user_of(name)}.db")}
    program = EXAMPLE / ("with_faststream.py" if faststream else "subscriber.py")
    Invocation([sys.executable, str(program)], {**os.environ, "QUEUE": _user_of(name), **variables}).become()


def _user_of(name: str) -> str:
    try:
        return subscriber_user(name)
    except ValueError as error:
        raise StackError(f"{error}.") from None


def _broker(layout: Layout) -> RabbitMQServer:
    """The running one, with the users that there are."""
    program = find(RABBITMQ)
    if program is None or rabbitmq_process(layout).identity() is None:
        raise StackError(NO_BROKER)
    state, credentials = read_state(layout.state_file), load_credentials(layout.secrets)
    [broker] = make_servers({RABBITMQ: program}, layout, state, credentials)
    assert isinstance(broker, RabbitMQServer)  # noqa: S101 - the requirement says so
    return broker
