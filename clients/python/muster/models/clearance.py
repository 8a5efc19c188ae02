"""Models of clearance.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from typing import Literal

from muster.model import Model
from muster.models.shared import IdAndNameItem, PersonOfCompliance


class MissingRequirement(Model):
    """`grace_until` is `null` where there is no grace, or no more."""

    requirement: IdAndNameItem
    status: Literal["grace", "lacking"] | str
    grace_until: dt.datetime | None


class RefusedClearance(Model):
    """`merged_into`: the person whom they turned out to be."""

    code: str
    message: str
    merged_into: int | None = None


class ClearanceResult(Model):
    """`employee` and `missing` are there for a person, and `error` for anybody else, who is not cleared."""

    employee_id: int
    cleared: bool
    employee: PersonOfCompliance | None = None
    missing: list[MissingRequirement] | None = None
    error: RefusedClearance | None = None


class ClearanceOfMany(Model):
    """In the order asked."""

    project_id: int | None
    on: dt.date
    results: list[ClearanceResult]


class RosterItem(Model):
    """`missing`: what does not keep from being cleared yet, too."""

    employee: PersonOfCompliance
    cleared: bool
    missing: list[MissingRequirement]
