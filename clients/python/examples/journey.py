"""The first tour of the README: who is enrolled where, and what they have completed then."""

from muster import Muster
from muster.refusals import SessionFullError

with Muster() as client:  # MUSTER_URL, and MUSTER_TOKEN or what else says who asks
    [course] = client.courses.list(search="leadership")
    [session] = client.sessions.list(course_id=course.id, date_from="2026-05-01", date_to="2026-06-01")
    enrolled = client.enrollments.create(session_id=session.id, employee_ids=[42, 43, 44])
    print(f"{enrolled.enrolled_count} enrolled, {enrolled.session_available_spots} spots left")
    try:
        client.enrollments.create(session_id=session.id, employee_ids=[10, 101, 102])
    except SessionFullError as full:
        print(f"{full.message} ({full.available_spots} of {full.requested})")
    done = client.enrollments.complete(enrolled.enrollments[0].id, score=82, feedback="A natural.")
    print(f"{done.employee.full_name}: {done.status}, {done.score}")
