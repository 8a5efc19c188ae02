"""How many requests a process runs at once."""

from dataclasses import dataclass

from aiohttp import web


@dataclass
class InFlight:
    """How many requests run now, and how many may."""

    limit: int
    count: int = 0


IN_FLIGHT = web.AppKey("in_flight", InFlight)
