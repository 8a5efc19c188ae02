"""Which pages are read with patience: those that may read many rows, and would hold up the short ones."""

from collections.abc import Callable

import pytest

from services.catalog.schemas import CourseQuery, SessionQuery
from services.catalog.store import pages as catalog
from services.enrollment.schemas import EmployeeQuery, EnrollmentQuery
from services.enrollment.store import pages as enrollment
from services.enrollment.store import people_pages
from shared.postgres.batched_reads import DEEP, PageRead

Page = Callable[..., PageRead]
SHALLOW = {"page": str(1 + DEEP // 100), "per_page": "100"}
BEYOND = {"page": str(2 + DEEP // 100), "per_page": "100"}


def courses(**asked: object) -> PageRead:
    return catalog.course_page(7, CourseQuery.model_validate(asked))


def sessions(**asked: object) -> PageRead:
    return catalog.session_page(7, SessionQuery.model_validate(asked))


def enrollments(**asked: object) -> PageRead:
    return enrollment.enrollment_page(7, EnrollmentQuery.model_validate(asked))


def people(**asked: object) -> PageRead:
    return people_pages.person_page(7, "employee", EmployeeQuery.model_validate(asked), None)


@pytest.mark.parametrize("page", [courses, people])
def test_a_search_is_read_with_patience(page: Page) -> None:
    assert page(search="x").slow
    assert not page().slow


@pytest.mark.parametrize("page", [courses, sessions, enrollments, people])
def test_a_page_far_behind_is_read_with_patience(page: Page) -> None:
    assert page(**BEYOND).slow
    assert not page(**SHALLOW).slow
