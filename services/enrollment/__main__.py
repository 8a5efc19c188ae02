"""`python -m services.enrollment`: serve, or bring database and queue to this version."""

import asyncio

from services.enrollment.app import MIGRATIONS, build_app
from services.enrollment.handlers import SUBSCRIPTIONS
from services.enrollment.settings import EnrollmentSettings
from shared.http.server import run
from shared.observability import configure_logging
from shared.service import prepare, read_settings, service_arguments


def main() -> None:
    parser, _ = service_arguments("enrollment")
    arguments = parser.parse_args()
    settings = read_settings(EnrollmentSettings)
    configure_logging("enrollment", settings.log_level)
    if arguments.command == "migrate":
        applied = asyncio.run(prepare("enrollment", settings, MIGRATIONS, SUBSCRIPTIONS))
        print(f"enrollment: {len(applied)} migrations applied" if applied else "enrollment: up to date")
    else:
        run(build_app(settings, arguments.role), settings.host, settings.port)


if __name__ == "__main__":
    main()
