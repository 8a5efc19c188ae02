"""SQL that sends each event of the feed to every webhook that wants it, in the statement that takes the event in.

A webhook's message is written with its event or not at all, so that none is missed and none is doubled.
"""

from typing import Final

FAN_OUT: Final = """
INSERT INTO webhook_messages (organisation_id, webhook_id, event_id, type, day, feed_position, feed_id)
SELECT organisation_id, webhooks.id, taken.event_id, taken.type, taken.day, taken.position, taken.id
FROM webhooks JOIN taken USING (organisation_id)
WHERE webhooks.status = 'enabled' AND NOT webhooks.removed AND webhook_wants(webhooks.types, taken.type)
ORDER BY taken.id
ON CONFLICT DO NOTHING
"""
"""Reads the common table `taken`, which has the events as they were inserted."""
