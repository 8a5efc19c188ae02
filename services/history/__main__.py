"""`python -m services.history`: serve, or bring database and queue to this version."""

import asyncio

from services.history.app import MIGRATIONS, build_app
from services.history.handlers import SUBSCRIPTIONS
from services.history.projection import PROJECTION
from services.history.settings import HistorySettings
from shared.http.server.app import run
from shared.observability import configure_logging
from shared.service.chassis import prepare, service_arguments, service_queue
from shared.service.dead_letter_commands import answer_dead_letters
from shared.service.projection_commands import rebuild_copies, verify_copies
from shared.settings import read_settings


def main() -> None:
    parser, _ = service_arguments("history")
    arguments = parser.parse_args()
    settings = read_settings(HistorySettings)
    configure_logging("history", settings.log_level)
    match arguments.command:
        case "migrate":
            applied = asyncio.run(prepare("history", settings, MIGRATIONS, SUBSCRIPTIONS))
            print(f"history: {len(applied)} migrations applied" if applied else "history: up to date")
        case "dead-letters":
            raise SystemExit(answer_dead_letters(service_queue("history", settings), settings, arguments))
        case "verify":
            raise SystemExit(verify_copies("history", settings, PROJECTION, arguments))
        case "rebuild":
            raise SystemExit(rebuild_copies("history", settings, PROJECTION))
        case _:
            run(build_app(settings, arguments.role), settings.host, settings.port)


if __name__ == "__main__":
    main()
