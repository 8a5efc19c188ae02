"""Commands that work on the running stack."""

import asyncio

from stack.config.addresses import read_addresses
from stack.console import Steps
from stack.paths import STACK_DIRECTORY, Layout
from stack.product.applications import make_service
from stack.product.issuer import make_token, token_options
from stack.product.seeding import Size, Target, load, load_demonstration
from stack.signals import interruptible

INTERRUPTED = 130
RATE_LIMIT = "1000"
"""Of the token that imports have: the user's own requests are not held up by them."""


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
    addresses, log = read_addresses(layout), layout.log / "seed.log"
    enrollment = make_service("enrollment", layout, addresses)
    if size.is_demonstration:
        await load_demonstration(make_service("catalog", layout, addresses), enrollment, log, steps)
        return 0
    accounts = make_service("accounts", layout, addresses)
    target = Target(addresses.gateway_url, await make_token(token_options(rate_limit=RATE_LIMIT), accounts))
    await load(size.resolved(), target, enrollment, layout.run, log, steps)
    return 0
