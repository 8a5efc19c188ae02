"""What clients read of training that was done elsewhere (contract, section 4)."""

from services.enrollment.representations import EmployeeOfEnrollment
from shared.events.states import RecordSource, RecordStatus
from shared.http.conditional import RowKey
from shared.http.representation import ChangedBy, Number, Representation, Titled, TrainingTimestamp


class RecordItem(Representation):
    """`training_name` is the course's title where the record is about one. `decided_at` and `decided_by` are `null`
    while it is pending, and `reason` unless it is rejected. A past completion has `import` as its `source`, a `key`,
    and no `provider`; others have no `key`."""

    id: int
    source: RecordSource
    key: str | None
    employee: EmployeeOfEnrollment
    course: Titled | None
    training_name: str
    provider: str | None
    status: RecordStatus
    completed_at: TrainingTimestamp
    valid_until: TrainingTimestamp | None
    score: Number | None
    passed: bool | None
    certificate_url: str | None
    evidence: str | None
    submitted_at: TrainingTimestamp
    submitted_by: ChangedBy
    decided_at: TrainingTimestamp | None
    decided_by: ChangedBy | None
    reason: str | None


def record_row(organisation_id: int, record_id: int) -> RowKey:
    return RowKey("record", organisation_id, record_id)
