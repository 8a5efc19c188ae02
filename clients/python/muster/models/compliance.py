"""Models of compliance.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from typing import Literal

from muster.model import Model
from muster.models.shared import IdAndNameItem, PersonOfCompliance


class ComplianceItem(Model):
    """The completion that counts is that of `enrollment_id`, or the training done elsewhere of `record_id`; `null`s
    where there never was one.
    """

    employee: PersonOfCompliance
    status: Literal["valid", "expiring", "missing"] | str
    course_id: int | None
    enrollment_id: int | None
    record_id: int | None
    completed_at: dt.datetime | None
    valid_until: dt.datetime | None


class MatrixCell(Model):
    """How many people the requirement applies to, and how they stand to it; `ends_in_60_days` counts what ends in 30,
    too.
    """

    requirement: IdAndNameItem
    applies: int
    met: int
    grace: int
    lacking: int
    ends_in_30_days: int
    ends_in_60_days: int
    ends_in_90_days: int


class MatrixRow(Model):
    """`id` and `name` are those of the company, the project or the label; `name` is `null` where nothing has the id."""

    id: int | None
    name: str | None
    requirements: list[MatrixCell]


class ComplianceMatrix(Model):
    """`next`: what `after` is for the rows that follow; `null` behind the last one."""

    rows: list[MatrixRow]
    next: int | None
