"""Users of the private broker for subscribers: added and removed while it runs, and found again at its next start."""

import asyncio
import subprocess
from collections.abc import Mapping

from stack.errors import StackError
from stack.servers.rabbitmq import RabbitMQServer
from stack.servers.rabbitmq_definitions import subscriber_user

CONTROL_SECONDS = 60.0


async def admit(broker: RabbitMQServer, subscribers: Mapping[str, str]) -> None:
    """Give these subscribers, passwords by their names, their users; those that are there get the password."""
    file = broker.write_definitions(subscribers)
    await _control(broker, "import_definitions", str(file))


async def dismiss(broker: RabbitMQServer, name: str, remaining: Mapping[str, str]) -> list[str]:
    """Remove a subscriber's user, which ends its connections, and its queues; returns their names.

    Its exchanges stay: without a queue they keep nothing, and `rabbitmqctl` has no command for them.
    """
    user = subscriber_user(name)
    broker.write_definitions(remaining)
    # Repeated after an interruption, when the user may be gone.
    if user in (await _control(broker, "list_users", "--no-table-headers")).split():
        await _control(broker, "delete_user", user)
    queues = (await _control(broker, "list_queues", "--no-table-headers", "name")).split()
    own = [queue for queue in queues if queue == user or queue.startswith(f"{user}.")]
    for queue in own:
        await _control(broker, "delete_queue", queue)
    return own


async def _control(broker: RabbitMQServer, *arguments: str) -> str:
    command, environment = broker.control_command(*arguments)
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), CONTROL_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise StackError(f"rabbitmqctl {arguments[0]} did not end within {CONTROL_SECONDS:.0f} seconds.") from None
    if process.returncode != 0:
        raise StackError(f"rabbitmqctl {arguments[0]} failed: {(errors or output).decode(errors='replace').strip()}")
    return output.decode()
