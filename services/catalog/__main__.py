"""`python -m services.catalog`: serve, bring database and queue to this version, or load rows to look at."""

import argparse
import asyncio

from services.catalog.app import MIGRATIONS, build_app
from services.catalog.demonstration import load_examples, load_many
from services.catalog.handlers import SUBSCRIPTIONS
from services.catalog.projection import PROJECTION
from services.catalog.settings import CatalogSettings
from shared.http.server.app import run
from shared.observability import configure_logging
from shared.postgres.pool import connection_pool
from shared.service.chassis import prepare, service_arguments, service_queue
from shared.service.dead_letter_commands import answer_dead_letters
from shared.service.projection_commands import rebuild_copies, verify_copies
from shared.settings import read_settings


def main() -> None:
    arguments = _arguments()
    settings = read_settings(CatalogSettings)
    configure_logging("catalog", settings.log_level)
    match arguments.command:
        case "migrate":
            applied = asyncio.run(prepare("catalog", settings, MIGRATIONS, SUBSCRIPTIONS))
            print(f"catalog: {len(applied)} migrations applied" if applied else "catalog: up to date")
        case "seed":
            print(asyncio.run(_seed(settings, arguments)))
        case "dead-letters":
            raise SystemExit(answer_dead_letters(service_queue("catalog", settings), settings, arguments))
        case "verify":
            raise SystemExit(verify_copies("catalog", settings, PROJECTION, arguments))
        case "rebuild":
            raise SystemExit(rebuild_copies("catalog", settings, PROJECTION))
        case _:
            run(build_app(settings, arguments.role), settings.host, settings.port)


def _arguments() -> argparse.Namespace:
    parser, commands = service_arguments("catalog")
    seed = commands.add_parser("seed", help="load the examples' courses and sessions, or many more of them")
    seed.add_argument("--courses", type=int, help="add this many courses instead of the examples")
    seed.add_argument("--sessions", type=int, help="and this many sessions")
    seed.add_argument("--places", type=int, default=30, help="places in each session (default 30)")
    return parser.parse_args()


async def _seed(settings: CatalogSettings, arguments: argparse.Namespace) -> str:
    async with connection_pool(settings.migration_database_url.get_secret_value(), name="catalog seed") as pool:
        if arguments.courses is None:
            return await load_examples(pool)
        return await load_many(pool, arguments.courses, arguments.sessions or arguments.courses, arguments.places)


if __name__ == "__main__":
    main()
