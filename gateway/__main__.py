"""`python -m gateway`: serves."""

import argparse
import logging
import os
import sys
from collections.abc import Mapping

from gateway.app import create_gateway
from gateway.settings import GatewaySettings
from shared.http.server.app import run
from shared.observability import configure_logging
from shared.settings import read_settings
from shared.tracing.exporting import TracingUnavailable, tracing

log = logging.getLogger(__name__)

_MOVED = ("ISSUER_KEYS_FILE", "ISSUER_USERS_FILE")


def main() -> None:
    argparse.ArgumentParser(prog="python -m gateway", description="The gateway: serves API clients.").parse_args()
    settings = read_settings(GatewaySettings)
    configure_logging("gateway", settings.log_level)
    say_what_moved(os.environ)
    try:
        with tracing("gateway", settings.otel_exporter_otlp_endpoint, settings.trace_file):
            run(create_gateway(settings), settings.host, settings.port)
    except TracingUnavailable as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None


def say_what_moved(environment: Mapping[str, str]) -> None:
    """A line for each setting of the version before that is not read any more."""
    for name in _MOVED:
        if name in environment:
            log.warning(
                "%s is not read any more: python -m services.accounts import moves users and keys into accounts", name
            )


if __name__ == "__main__":
    main()
