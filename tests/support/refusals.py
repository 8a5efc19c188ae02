"""What became of wishes to enroll somebody."""

from services.enrollment.refusals import EnrollmentRefused, Refusal


def is_refused(outcome: object, kind: type[Refusal]) -> bool:
    """Whether all are refused for that reason."""
    return isinstance(outcome, EnrollmentRefused) and {type(told) for told in outcome.refusals.values()} == {kind}
