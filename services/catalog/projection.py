"""What the catalog copies: the enrollments that its counts come from, and the settings that days depend on."""

from functools import partial

from services.catalog.handlers import SUBSCRIPTIONS
from services.catalog.store.count_check import TOTALS, recount, wrong_counts
from shared.messaging.outbox import changes_without_event
from shared.postgres.list_totals import wrong_totals
from shared.projections import settings_copy
from shared.projections.comparison import Projection, ReplicaTable

PROJECTION = Projection(
    replicas=[ReplicaTable("enrollments", owner="enrollment", kind="enrollments"), settings_copy.REPLICA],
    subscriptions=SUBSCRIPTIONS,
    also_written=["sessions", "courses"],
    recount=recount,
    checks=[
        wrong_counts,
        *(partial(wrong_totals, totals=totals) for totals in TOTALS),
        partial(changes_without_event, kind="course", table="courses"),
        partial(changes_without_event, kind="session", table="sessions"),
    ],
)
