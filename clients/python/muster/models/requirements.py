"""Models of requirements.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from typing import Literal

from pydantic import Field

from muster.model import Model


class AppliesTo(Model):
    """Whom a requirement applies to, and in which projects: who meets each of the lists that are given, in which one
    entry is enough. One without `project_ids` counts everywhere.
    """

    project_ids: list[int] | None = None
    company_ids: list[int] | None = None
    person_types: list[Literal["employee", "staff"] | str] | None = None
    employee_ids: list[int] | None = None
    all: bool | None = None


class AppliesToItem(Model):
    """The members that were given."""

    project_ids: list[int] | None = None
    company_ids: list[int] | None = None
    person_types: list[Literal["employee", "staff"] | str] | None = None
    employee_ids: list[int] | None = None
    all: bool | None = None


class AppliesToPatch(Model):
    """Any members of what it is merged into; `null` removes one. What comes of it has to be valid as a whole."""

    project_ids: list[int] | None = None
    company_ids: list[int] | None = None
    person_types: list[Literal["employee", "staff"] | str] | None = None
    employee_ids: list[int] | None = None
    all: bool | None = None


class Need(Model):
    """A course, or any course that carries a label."""

    course_id: int | None = None
    label_id: int | None = None


class NeedItem(Model):
    """One of the two."""

    course_id: int | None = None
    label_id: int | None = None


class Needs(Model):
    """What meets a requirement: a valid completion of the course, or of any course that carries the label; with
    `any_of`, one of these is enough.
    """

    course_id: int | None = None
    label_id: int | None = None
    any_of: list[Need] | None = None


class NeedsItem(Model):
    """One of the three."""

    course_id: int | None = None
    label_id: int | None = None
    any_of: list[NeedItem] | None = None


class NeedsPatch(Model):
    """Any members of what it is merged into; `null` removes one. What comes of it has to be valid as a whole."""

    course_id: int | None = None
    label_id: int | None = None
    any_of: list[Need] | None = None


class RequirementItem(Model):
    id: int
    name: str
    applies_to: AppliesToItem
    needs: NeedsItem
    grace_days: int | None
    from_: dt.date | None = Field(alias="from")
    until: dt.date | None
    created_at: dt.datetime


class RequirementPreview(Model):
    """How many people would lose or gain clearance, in a project or everywhere.

    `of`: to how many it applies, before or afterwards; `in_grace`: how many of them would have to meet it by a day
    that is yet to come. `at`: the moment that is looked at, now or when it comes into force. Unless it is
    `complete`, more people are concerned than are counted.
    """

    would_lose: int
    would_gain: int
    in_grace: int
    of: int
    at: dt.datetime
    complete: bool
