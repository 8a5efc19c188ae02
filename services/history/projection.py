"""What history copies: all that it has."""

from services.history.handlers import SUBSCRIPTIONS
from shared.projections import settings_copy
from shared.projections.comparison import Projection, ReplicaTable

PROJECTION = Projection(
    replicas=[
        ReplicaTable("courses", owner="catalog", kind="courses"),
        ReplicaTable("sessions", owner="catalog", kind="sessions"),
        ReplicaTable("people", owner="enrollment", kind="people"),
        ReplicaTable("records", owner="enrollment", kind="records"),
        settings_copy.REPLICA,
    ],
    subscriptions=SUBSCRIPTIONS,
)
