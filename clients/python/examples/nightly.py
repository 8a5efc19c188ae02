"""Every night: what HR exported goes in, and what was completed since the last night comes out."""

import datetime as dt
import sys
from pathlib import Path

from muster import Muster

with Muster(notify=print) as client:
    job = client.imports.wait(client.imports.create(Path("people.csv"), kind="people"))
    for refusal in client.imports.people.refusals(job.id):
        print(f"line {refusal.line}: {refusal.reason}", file=sys.stderr)
    since = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    for enrollment in client.enrollments.list(status="completed", updated_since=since):
        print(enrollment.employee.id, enrollment.session.course.id, enrollment.completed_at, sep=",")
    sys.exit(1 if job.refused else 0)
