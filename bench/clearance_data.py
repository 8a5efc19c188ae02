"""What is asked of people in the data set, what they hold of it, and what is kept of how they stand.

It is there for clearance alone: no enrollments stand behind what people hold.
"""

import asyncpg

from bench.dataset import CONNECT_SECONDS, ORGANISATION, WRITING_SECONDS, Size, today
from bench.rows import PICK

PATTERNS = 1000
"""Ways to hold something, each of as many people, and the same ones in a data set of any size."""
NEEDED = 60
"""Courses. They lie apart, so that a sixth of them have sessions to come in a data set of any size."""

# Enrollments in these courses are a larger part of a smaller data set.
_CLEAR = "DELETE FROM certifications WHERE organisation_id = $1 AND course_id = ANY ($2::bigint[])"

_PATTERNS = """
CREATE TEMPORARY TABLE patterns AS
SELECT pattern, place, ($2::bigint[])[1 + (pg_temp.pick(pattern, 71, 60) + 7 * place) % 60] AS course_id,
    CASE WHEN pg_temp.pick(pattern, 72 + place, 4) > 0 THEN $1::timestamptz
        + make_interval(days => pg_temp.pick(pattern, 90 + place, 700)::integer - 35) END AS valid_until
FROM generate_series(0, $3::integer - 1) pattern, generate_series(0, 11) place
"""

# Those of a person lie apart from each other, as they do that come over the years.
_HELD = """
INSERT INTO certifications (organisation_id, course_id, employee_id, enrollment_id, completed_at, valid_until)
SELECT $1, each.course_id, person, person, $2::timestamptz - interval '100 days', each.valid_until
FROM generate_series(0, 11) AS place CROSS JOIN generate_series(1, $3::bigint) AS person
JOIN patterns each ON each.place = place.place AND each.pattern = person % $4::bigint
"""

# Any of eight courses meets each: most people meet most of them, and miss some. Half count in some projects alone, and
# a fifth are of some companies' people.
_REQUIREMENTS = """
INSERT INTO requirements (organisation_id, id, name, project_ids, company_ids, course_ids, label_ids, grace_days,
    created_at)
SELECT $1, n, 'Requirement ' || n, CASE WHEN n % 2 = 0 THEN ARRAY[7, 8, 9] END,
    CASE WHEN n % 5 = 0 THEN ARRAY(SELECT generate_series(1, 20)) END,
    ARRAY(SELECT ($3::bigint[])[1 + (n + 5 * more) % 60] FROM generate_series(0, 7) more), '{}',
    CASE WHEN n % 3 = 0 THEN 30 END, $2::timestamptz - interval '1 year'
FROM generate_series(1, 50) n
"""

# As the worker would keep it: it would take an hour for a million people, beside what is measured.
_KEPT = """
INSERT INTO clearances (organisation_id, employee_id, company_id, lacking, ending, ending_at, look_at)
WITH met AS (
    SELECT pattern, r.id, max(coalesce(valid_until, 'infinity')) AS until
    FROM requirements r JOIN patterns ON course_id = ANY (r.course_ids)
    WHERE r.organisation_id = $1 AND coalesce(valid_until, 'infinity') > now()
    GROUP BY 1, 2
), stands AS (
    SELECT pattern, is_some, r.id, until FROM generate_series(0, $2::bigint - 1) AS pattern
    CROSS JOIN (VALUES (false), (true)) AS companies (is_some)
    JOIN requirements r ON r.organisation_id = $1 AND (is_some OR r.company_ids IS NULL)
    LEFT JOIN met USING (pattern, id)
), kept AS (
    SELECT pattern, is_some, coalesce(array_agg(id ORDER BY id) FILTER (WHERE until IS NULL), '{}') AS lacking,
        coalesce(array_agg(id ORDER BY id) FILTER (WHERE until <= now() + interval '90 days'), '{}') AS ending,
        coalesce(array_agg(until ORDER BY id) FILTER (WHERE until <= now() + interval '90 days'), '{}') AS ending_at,
        min(CASE WHEN until <= now() + interval '90 days' THEN until ELSE until - interval '90 days' END)
            FILTER (WHERE until < 'infinity') AS look_at
    FROM stands GROUP BY 1, 2
)
SELECT $1, p.id, p.company_id, lacking, ending, ending_at, look_at
FROM people p JOIN kept ON pattern = p.id % $2::bigint AND is_some = (coalesce(p.company_id, 0) BETWEEN 1 AND 20)
WHERE p.organisation_id = $1
"""
_MARKED = "DELETE FROM clearance_marks WHERE organisation_id = $1"


async def require(url: str, size: Size) -> None:
    """Writes it past the service into enrollment's database at `url`, its owner's, in one transaction: no worker finds
    anybody to look at."""
    connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS, command_timeout=10 * WRITING_SECONDS)
    try:
        await connection.execute(PICK)
        async with connection.transaction():
            await _write(connection, size)
        await connection.execute("VACUUM (ANALYZE) certifications, requirements, clearances, clearance_marks")
    finally:
        await connection.close(timeout=CONNECT_SECONDS)


async def _write(connection: "asyncpg.Connection[asyncpg.Record]", size: Size) -> None:
    apart = max(1, size.courses // NEEDED)
    needed = [1 + place * apart for place in range(NEEDED)]
    await connection.execute(_PATTERNS, today(), needed, PATTERNS)
    await connection.execute(_CLEAR, ORGANISATION, needed)
    await connection.execute(_HELD, ORGANISATION, today(), size.people, PATTERNS)
    # From here on changes mark people; before it nothing was asked.
    await connection.execute(_REQUIREMENTS, ORGANISATION, today(), needed)
    await connection.execute(_KEPT, ORGANISATION, PATTERNS)
    await connection.execute(_MARKED, ORGANISATION)
