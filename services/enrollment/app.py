"""The enrollment service's process: what it is made of."""

from collections.abc import AsyncIterator
from functools import partial
from operator import attrgetter
from pathlib import Path

from aiohttp import web
from prometheus_client import Gauge

from services.enrollment.api import ENROLLMENT_BATCHER, ROUTES
from services.enrollment.api_credentials import credential_parts
from services.enrollment.api_erasure import keep_years
from services.enrollment.api_imports import KINDS
from services.enrollment.api_internal import CATALOG
from services.enrollment.api_live import LIVE_SEATS
from services.enrollment.catalog_client import CatalogClient
from services.enrollment.credential_keys import CREDENTIAL_KEYS
from services.enrollment.demonstration import SEED
from services.enrollment.erased_people import ERASED_PEOPLE
from services.enrollment.handlers import SUBSCRIPTIONS
from services.enrollment.live_seats import LiveSeats
from services.enrollment.projection import PROJECTION
from services.enrollment.rebuild import rebuild
from services.enrollment.seat_metrics import SeatMetrics
from services.enrollment.settings import EnrollmentSettings
from services.enrollment.shared_employee_ids import SHARED_EMPLOYEE_IDS
from services.enrollment.use_cases.certifications import send_expiry_notices
from services.enrollment.use_cases.credential_events import publish_credentials
from services.enrollment.use_cases.enroll import EnrollmentBatcher, enroll_together
from services.enrollment.use_cases.preservation import preserve_records
from services.enrollment.use_cases.standings import follow_standings
from services.enrollment.waiting_standings import measure_waiting, waiting_gauge
from shared.auth.signing import InternalSigner
from shared.concurrency.tasks import background
from shared.http.service_client import connect_to_service
from shared.http.streaming import ENDING
from shared.imports.context import import_worker
from shared.metrics.registry import METRICS
from shared.projections.snapshot import SnapshotClient
from shared.service.chassis import POOL, Service

MIGRATIONS = Path(__file__).parent / "migrations"


async def catalog_client(settings: EnrollmentSettings, app: web.Application) -> AsyncIterator[None]:
    """The catalog, for sessions that its events have not brought yet."""
    signer = InternalSigner("enrollment", settings.internal_keys_file)
    async with connect_to_service(settings.catalog_url, name="catalog", asking="enrollment", signer=signer) as client:
        app[CATALOG] = CatalogClient(client)
        yield


async def enrollment_batcher(settings: EnrollmentSettings, app: web.Application) -> AsyncIterator[None]:
    """Decides enrollments that arrive together in one transaction; at the end those that wait are decided."""
    app[ENROLLMENT_BATCHER] = EnrollmentBatcher(
        partial(enroll_together, app[POOL], metrics=SeatMetrics(app[METRICS].registry)),
        size=settings.seat_batch_size,
        concurrency=settings.seat_batches_at_once,
        name="enroll together",
    )
    yield
    await app[ENROLLMENT_BATCHER].drain()


async def live_seats(settings: EnrollmentSettings, app: web.Application) -> AsyncIterator[None]:
    """Hears of changed seats while a gateway follows a session; its streams end with the process."""
    live = app[LIVE_SEATS] = LiveSeats(app[POOL], settings.database_url.get_secret_value())
    followers = Gauge("muster_live_followers", "Streams of seats that are open here.", registry=app[METRICS].registry)
    followers.set_function(lambda: live.followers)
    async with (
        background(live.run(), name="live seats"),
        background(live.end_with(app[ENDING]), name="end of live seats"),
    ):
        yield


async def expiry_notices(settings: EnrollmentSettings, app: web.Application) -> AsyncIterator[None]:
    """Publishes that a completion expires soon, or has expired."""
    async with background(send_expiry_notices(app[POOL], settings.expiry_notice_days), name="expiry notices"):
        yield


async def clearances(settings: EnrollmentSettings, app: web.Application) -> AsyncIterator[None]:
    """Publishes who loses clearance and who gains it."""
    app[METRICS].sample("standings", partial(measure_waiting, app[POOL], waiting_gauge(app[METRICS].registry)))
    async with background(follow_standings(app[POOL]), name="clearances"):
        yield


async def credential_events(settings: EnrollmentSettings, app: web.Application) -> AsyncIterator[None]:
    """Publishes which credentials were revoked."""
    async with background(publish_credentials(app[POOL]), name="credentials"):
        yield


async def preservation(settings: EnrollmentSettings, app: web.Application) -> AsyncIterator[None]:
    """Completes records that an earlier release closed, from the catalog's rows."""
    signer = InternalSigner("enrollment", settings.internal_keys_file)
    async with (
        connect_to_service(settings.catalog_url, name="catalog", asking="enrollment", signer=signer) as catalog,
        background(preserve_records(app[POOL], SnapshotClient(catalog)), name="preserving records"),
    ):
        yield


imports = import_worker(KINDS, attrgetter("import_most_removed"))


SERVICE = Service(
    name="enrollment",
    settings=EnrollmentSettings,
    migrations=MIGRATIONS,
    routes=ROUTES,
    subscriptions=SUBSCRIPTIONS,
    outbox=True,
    projection=PROJECTION,
    event_cursors=True,
    rebuild=rebuild,
    api_contexts=[catalog_client, enrollment_batcher, live_seats, keep_years, credential_parts],
    worker_contexts=[expiry_notices, clearances, credential_events, preservation, imports],
    commands=[SEED, SHARED_EMPLOYEE_IDS, ERASED_PEOPLE, CREDENTIAL_KEYS],
)
