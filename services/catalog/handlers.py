"""What the catalog follows: enrollments move the counts of their session and course."""

from services.catalog.store import counts
from shared.events.types import ENROLLMENT_EVENTS
from shared.messaging.consumer import Subscriptions

SUBSCRIPTIONS: Subscriptions = dict.fromkeys(ENROLLMENT_EVENTS, counts.apply_enrollments)
