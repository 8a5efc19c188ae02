"""What both programs keep: the newest version of each completed enrollment, in a SQLite file."""

import json
import os
import sqlite3

CREATE = """
CREATE TABLE IF NOT EXISTS completions
    (organisation_id TEXT, enrollment_id INTEGER, version INTEGER, state TEXT,
    PRIMARY KEY (organisation_id, enrollment_id))
"""
# An event may arrive twice, late, or after a newer one: only a higher version changes the row.
KEEP = """
INSERT INTO completions (organisation_id, enrollment_id, version, state) VALUES (?, ?, ?, ?)
ON CONFLICT (organisation_id, enrollment_id) DO UPDATE SET version = excluded.version, state = excluded.state
WHERE excluded.version > version
"""


class NotAnEvent(Exception):
    """The message can never be applied, however often it is delivered."""


def open_database() -> sqlite3.Connection:
    """The file that DATABASE names."""
    database = sqlite3.connect(os.environ.get("DATABASE", "completions.db"))
    database.execute(CREATE)
    return database


def keep(database: sqlite3.Connection, body: bytes) -> str:
    """Commit what the event says unless it is known; returns what became of it. Raises NotAnEvent.

    Fields that this program does not know are no mistake: they are added to events as time goes by.
    """
    try:
        event = json.loads(body)
        state = event["data"]
        row = (str(event["organisationid"]), int(state["id"]), int(state["version"]), json.dumps(state))
    except (ValueError, KeyError, TypeError) as error:
        raise NotAnEvent(f"{type(error).__name__}: {error}") from error
    with database:  # one transaction
        changed = database.execute(KEEP, row).rowcount
    return f"enrollment {row[1]} version {row[2]} {'kept' if changed else 'known already'}"
