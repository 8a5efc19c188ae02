"""A subscriber: each event once, from where the last run ended."""

import sys
from pathlib import Path

from muster import Muster

kept = Path("cursor.txt")
with Muster(notify=print) as client:
    after = kept.read_text() if kept.exists() else None
    feed = client.events.follow(after=after, types=["training.enrollment.*"], endless="--once" not in sys.argv)
    for event in feed:
        print(event.subject, event.type, event.version, flush=True)
        kept.write_text(feed.cursor or "")
