"""`python -m services.history`: serve, or bring database and queue to this version."""

import asyncio

from services.history.app import MIGRATIONS, build_app
from services.history.handlers import SUBSCRIPTIONS
from services.history.settings import HistorySettings
from shared.http.server import run
from shared.observability import configure_logging
from shared.service import prepare, service_arguments
from shared.settings import read_settings


def main() -> None:
    parser, _ = service_arguments("history")
    arguments = parser.parse_args()
    settings = read_settings(HistorySettings)
    configure_logging("history", settings.log_level)
    if arguments.command == "migrate":
        applied = asyncio.run(prepare("history", settings, MIGRATIONS, SUBSCRIPTIONS))
        print(f"history: {len(applied)} migrations applied" if applied else "history: up to date")
    else:
        run(build_app(settings, arguments.role), settings.host, settings.port)


if __name__ == "__main__":
    main()
