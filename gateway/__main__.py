"""`python -m gateway`: serves, or runs one of the operator's commands."""

import argparse
import sys

from gateway.app import create_gateway
from gateway.cli import CommandFailed, add_commands
from gateway.settings import GatewaySettings
from shared.http.server.app import run
from shared.observability import configure_logging
from shared.settings import read_settings


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m gateway", description="The gateway: serves API clients.")
    add_commands(parser)
    arguments = parser.parse_args()
    if arguments.command is None:
        settings = read_settings(GatewaySettings)
        configure_logging("gateway", settings.log_level)
        run(create_gateway(settings), settings.host, settings.port)
        return
    configure_logging("gateway", "INFO")
    try:
        arguments.run(arguments)
    except CommandFailed as error:
        print(f"{parser.prog} {arguments.command}: {error}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
