"""`python -m services.enrollment`: serve, bring database and queue to this version, or load rows to look at."""

import argparse
import asyncio

from services.enrollment.app import MIGRATIONS, build_app
from services.enrollment.catalog_client import CatalogClient
from services.enrollment.demonstration import load_examples, load_many
from services.enrollment.handlers import SUBSCRIPTIONS
from services.enrollment.projection import PROJECTION
from services.enrollment.rebuild import rebuild
from services.enrollment.settings import EnrollmentSettings
from shared.auth.signing import internal_signer
from shared.http.server.app import run
from shared.http.service_client import connected_peer
from shared.observability import configure_logging
from shared.postgres.pool import connection_pool
from shared.service.chassis import prepare, service_arguments, service_queue
from shared.service.dead_letter_commands import answer_dead_letters
from shared.service.projection_commands import verify_copies
from shared.settings import read_settings


def main() -> None:
    arguments = _arguments()
    settings = read_settings(EnrollmentSettings)
    configure_logging("enrollment", settings.log_level)
    match arguments.command:
        case "migrate":
            applied = asyncio.run(prepare("enrollment", settings, MIGRATIONS, SUBSCRIPTIONS))
            print(f"enrollment: {len(applied)} migrations applied" if applied else "enrollment: up to date")
        case "seed":
            print(asyncio.run(_seed(settings, arguments)))
        case "dead-letters":
            raise SystemExit(answer_dead_letters(service_queue("enrollment", settings), settings, arguments))
        case "verify":
            raise SystemExit(verify_copies("enrollment", settings, PROJECTION, arguments))
        case "rebuild":
            raise SystemExit(rebuild(settings))
        case _:
            run(build_app(settings, arguments.role), settings.host, settings.port)


def _arguments() -> argparse.Namespace:
    parser, commands = service_arguments("enrollment")
    seed = commands.add_parser("seed", help="load the examples' people and enrollments, or many more of them")
    seed.add_argument("--people", type=int, help="add this many people instead of the examples")
    seed.add_argument("--enrollments", type=int, help="and this many enrollments (default ten a person)")
    return parser.parse_args()


async def _seed(settings: EnrollmentSettings, arguments: argparse.Namespace) -> str:
    signer = internal_signer("enrollment", settings.internal_keys_file, settings.internal_token_secret)
    async with (
        connection_pool(settings.migration_database_url.get_secret_value(), name="enrollment seed") as pool,
        connected_peer(settings.catalog_url, name="catalog", asking="enrollment", signer=signer) as peer,
    ):
        if arguments.people is None:
            return await load_examples(pool, CatalogClient(peer))
        return await load_many(pool, arguments.people, arguments.enrollments or 10 * arguments.people)


if __name__ == "__main__":
    main()
