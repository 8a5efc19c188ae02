-- Results of the release before follow from a pass score and a validity that nobody wrote down. The course may have
-- others by now, so the record counts for more than the course: its months are those from the completion to the end of
-- its validity, and its pass score is the course's where that agrees with `passed`, and otherwise the nearest that does.
-- What was completed without a score, of a course that has a pass score now, may not have been judged by one: it stays
-- unjudged, and certifies as before, until its score or its date is corrected.
--
-- Rows are locked in the order that the service's transactions keep. All else goes on meanwhile.
WITH zones AS MATERIALIZED (
    SELECT o.organisation_id, o.time_zone, z.name AS known FROM organisation_settings o
    LEFT JOIN pg_timezone_names z ON z.name = o.time_zone
), results AS MATERIALIZED (
    SELECT e.organisation_id, e.id, c.pass_score, c.validity_months,
        CASE WHEN e.score IS NOT NULL OR c.pass_score IS NULL THEN coalesce(z.time_zone, 'UTC') END AS time_zone,
        e.completed_at AT TIME ZONE coalesce(z.known, 'UTC') AS beginning,
        e.valid_until AT TIME ZONE coalesce(z.known, 'UTC') AS ending
    FROM enrollments e JOIN courses c ON c.organisation_id = e.organisation_id AND c.id = e.course_id
    LEFT JOIN zones z ON z.organisation_id = e.organisation_id
    WHERE e.status IN ('completed', 'failed')
    ORDER BY e.organisation_id, e.id
    FOR UPDATE OF e
)
UPDATE enrollments e SET judged_time_zone = r.time_zone,
    judged_pass_score = CASE WHEN e.passed THEN least(r.pass_score, e.score)
        WHEN NOT e.passed THEN greatest(r.pass_score, e.score + 0.01) END,
    judged_validity_months = CASE WHEN r.time_zone IS NULL THEN NULL WHEN e.status = 'failed' THEN r.validity_months
        WHEN e.valid_until IS NOT NULL THEN (extract(year FROM r.ending) - extract(year FROM r.beginning)) * 12
            + extract(month FROM r.ending) - extract(month FROM r.beginning) END
FROM results r WHERE r.organisation_id = e.organisation_id AND r.id = e.id;
