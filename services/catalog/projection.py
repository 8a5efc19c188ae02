"""What the catalog copies: the enrollments that its counts come from."""

from functools import partial

from services.catalog.handlers import SUBSCRIPTIONS
from services.catalog.store.recounts import recount, wrong_counts
from shared.outbox import untold_changes
from shared.projections import Copied, Projection

PROJECTION = Projection(
    copied=[Copied("enrollments", owner="enrollment", kind="enrollments")],
    subscriptions=SUBSCRIPTIONS,
    moved=["sessions", "courses"],
    recount=recount,
    checks=[
        wrong_counts,
        partial(untold_changes, kind="course", table="courses"),
        partial(untold_changes, kind="session", table="sessions"),
    ],
)
