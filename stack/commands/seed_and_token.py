"""Commands that work on the running stack."""

import asyncio

from stack.config.addresses import read_addresses
from stack.console import Steps
from stack.paths import STACK_DIRECTORY, Layout
from stack.product.applications import make_service
from stack.product.issuer import make_token
from stack.product.seeding import Size, load
from stack.signals import interruptible

INTERRUPTED = 130


def token(options: list[str]) -> int:
    """Print a client token, alone on its line."""
    layout = Layout(STACK_DIRECTORY)
    accounts = make_service("accounts", layout, read_addresses(layout))
    print(asyncio.run(make_token(options, accounts)))
    return 0


def seed(size: Size, steps: Steps) -> int:
    """Load data into the services."""
    return asyncio.run(interruptible(_seed(Layout(STACK_DIRECTORY), size, steps), INTERRUPTED))


async def _seed(layout: Layout, size: Size, steps: Steps) -> int:
    addresses = read_addresses(layout)
    catalog = make_service("catalog", layout, addresses)
    enrollment = make_service("enrollment", layout, addresses)
    await load(size, catalog, enrollment, layout.log / "seed.log", steps)
    return 0
