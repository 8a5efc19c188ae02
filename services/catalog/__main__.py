"""`python -m services.catalog`: serve, or bring database and queue to this version."""

import asyncio

from services.catalog.app import MIGRATIONS, build_app
from services.catalog.handlers import SUBSCRIPTIONS
from services.catalog.settings import CatalogSettings
from shared.http.server import run
from shared.observability import configure_logging
from shared.service import prepare, read_settings, service_arguments


def main() -> None:
    parser, _ = service_arguments("catalog")
    arguments = parser.parse_args()
    settings = read_settings(CatalogSettings)
    configure_logging("catalog", settings.log_level)
    if arguments.command == "migrate":
        applied = asyncio.run(prepare("catalog", settings, MIGRATIONS, SUBSCRIPTIONS))
        print(f"catalog: {len(applied)} migrations applied" if applied else "catalog: up to date")
    else:
        run(build_app(settings, arguments.role), settings.host, settings.port)


if __name__ == "__main__":
    main()
