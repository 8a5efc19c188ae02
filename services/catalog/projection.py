"""What the catalog copies: the enrollments that its counts come from."""

from functools import partial

from services.catalog.handlers import SUBSCRIPTIONS
from services.catalog.store.count_check import TOTALS, recount, wrong_counts
from shared.messaging.outbox import untold_changes
from shared.postgres.list_totals import wrong_totals
from shared.projections.comparison import Copied, Projection

PROJECTION = Projection(
    copied=[Copied("enrollments", owner="enrollment", kind="enrollments")],
    subscriptions=SUBSCRIPTIONS,
    moved=["sessions", "courses"],
    recount=recount,
    checks=[
        wrong_counts,
        *(partial(wrong_totals, totals=totals) for totals in TOTALS),
        partial(untold_changes, kind="course", table="courses"),
        partial(untold_changes, kind="session", table="sessions"),
    ],
)
