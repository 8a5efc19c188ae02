"""What history copies: all that it has."""

from services.history.handlers import SUBSCRIPTIONS
from shared.projections.comparison import Copied, Projection

PROJECTION = Projection(
    copied=[
        Copied("courses", owner="catalog", kind="courses"),
        Copied("sessions", owner="catalog", kind="sessions"),
        Copied("people", owner="enrollment", kind="people"),
        Copied("records", owner="enrollment", kind="enrollments"),
    ],
    subscriptions=SUBSCRIPTIONS,
)
