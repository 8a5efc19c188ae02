"""What the catalog copies: the enrollments that its counts come from."""

from functools import partial

from services.catalog.handlers import SUBSCRIPTIONS
from services.catalog.store.recounts import TOTALS, recount, wrong_counts
from shared.outbox import untold_changes
from shared.projections import Copied, Projection
from shared.totals import wrong_totals

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
