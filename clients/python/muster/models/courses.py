"""Models of courses.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from decimal import Decimal
from typing import Literal

from muster.model import Model
from muster.models.shared import IdAndNameItem, IdAndTitleItem


class UpcomingSession(Model):
    id: int
    start_date: dt.date
    end_date: dt.date
    location: str | None
    available_spots: int
    max_participants: int


class CourseDetail(Model):
    id: int
    title: str
    category: Literal["technical", "soft_skills", "compliance", "leadership", "onboarding", "safety"] | str
    delivery_mode: Literal["in_person", "online", "hybrid", "self_paced"] | str
    duration_hours: Decimal
    cost_per_participant: Decimal
    provider: str
    provider_name: str | None
    pass_score: Decimal | None
    total_sessions: int
    total_enrollments: int
    external_id: str | None
    created_at: dt.datetime
    description: str | None
    prerequisites: list[IdAndTitleItem]
    completion_rate: Decimal | None
    average_score: Decimal | None
    upcoming_sessions: list[UpcomingSession]
    labels: list[IdAndNameItem]
    validity_months: int | None
    renewal_window_days: int | None


class CourseItem(Model):
    """`cost_per_participant` has two decimals."""

    id: int
    title: str
    category: Literal["technical", "soft_skills", "compliance", "leadership", "onboarding", "safety"] | str
    delivery_mode: Literal["in_person", "online", "hybrid", "self_paced"] | str
    duration_hours: Decimal
    cost_per_participant: Decimal
    provider: str
    provider_name: str | None
    pass_score: Decimal | None
    total_sessions: int
    total_enrollments: int
    external_id: str | None
    created_at: dt.datetime


class NamedTotal(Model):
    """`total`: how many courses carry the label, sessions the project, or people the company."""

    id: int
    name: str
    total: int
