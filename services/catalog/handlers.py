"""What the catalog follows: enrollments move the counts of their session and course; days depend on settings."""

from services.catalog.store import counts
from shared.events.types import ENROLLMENT_EVENTS, SettingsSaved
from shared.messaging.subscriptions import Subscriptions
from shared.projections import settings_copy

SUBSCRIPTIONS: Subscriptions = {
    **dict.fromkeys(ENROLLMENT_EVENTS, counts.apply_enrollments),
    SettingsSaved: settings_copy.save_settings,
}
