"""A person of the test's own organisation."""

import pytest

from tests.support.attendee import Attendee
from tests.support.client import Client
from tests.support.world import new_employee


@pytest.fixture
async def attendee(admin: Client) -> Attendee:
    return Attendee(admin, await new_employee(admin))
