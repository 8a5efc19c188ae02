"""A person of the test's own organisation."""

import pytest

from tests.support.client import Client
from tests.support.history_client import Attendee
from tests.support.world import new_employee


@pytest.fixture
async def attendee(admin: Client) -> Attendee:
    return Attendee(admin, await new_employee(admin))
