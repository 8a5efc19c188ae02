"""What callers hear when the broker cannot be used.

aio-pika says so with errors of AMQP, with OSError, and with a plain RuntimeError where a channel or a socket is closed
already. The last two may as well come from a mistake in our code. So they are classified where aio-pika is called, and
nowhere else.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from aiormq.exceptions import AMQPConnectionError, AMQPError


class BrokerUnavailable(Exception):
    """The broker is unavailable, or did not answer in time, so trying again later can help."""


BROKER_ERRORS = (BrokerUnavailable, AMQPError)
"""An outage, and what the broker itself refuses, such as a queue that is not declared yet. Beside them aio-pika raises
a bare CancelledError (`shared.concurrency.tasks`)."""


@contextmanager
def broker_outages() -> Iterator[None]:
    """Around calls of aio-pika: raises `BrokerUnavailable` for an outage; refusals stay what they are."""
    try:
        yield
    except (AMQPConnectionError, OSError) as error:  # a TimeoutError is one
        raise BrokerUnavailable(repr(error)) from error
    except RuntimeError as error:  # aiormq, of a closed channel or connection; uvloop, of a closed transport
        raise BrokerUnavailable(repr(error)) from error
