"""Attributes of the client.

Written by `./dev documents`: change the routes, or what writes this.
"""

from muster.async_resources.auth import AsyncAuthResource
from muster.async_resources.calendars import AsyncCalendarsResource
from muster.async_resources.clearance import AsyncClearanceResource
from muster.async_resources.clients import AsyncClientsResource
from muster.async_resources.companies import AsyncCompaniesResource
from muster.async_resources.compliance import AsyncComplianceResource
from muster.async_resources.courses import AsyncCoursesResource
from muster.async_resources.credentials import AsyncCredentialsResource
from muster.async_resources.employees import AsyncEmployeesResource
from muster.async_resources.enrollments import AsyncEnrollmentsResource
from muster.async_resources.events import AsyncEventsResource
from muster.async_resources.health import AsyncHealthResource
from muster.async_resources.imports import AsyncImportsResource
from muster.async_resources.labels import AsyncLabelsResource
from muster.async_resources.oauth import AsyncOauthResource
from muster.async_resources.organisations import AsyncOrganisationsResource
from muster.async_resources.projects import AsyncProjectsResource
from muster.async_resources.record_submissions import AsyncRecordSubmissionsResource
from muster.async_resources.records import AsyncRecordsResource
from muster.async_resources.requirements import AsyncRequirementsResource
from muster.async_resources.sessions import AsyncSessionsResource
from muster.async_resources.settings import AsyncSettingsResource
from muster.async_resources.staff import AsyncStaffResource
from muster.async_resources.training import AsyncTrainingResource
from muster.async_resources.users import AsyncUsersResource
from muster.async_resources.webhook_messages import AsyncWebhookMessagesResource
from muster.async_resources.webhooks import AsyncWebhooksResource
from muster.async_transport import AsyncTransport


class AsyncResources:
    """All resources of the API, over one transport."""

    def __init__(self, transport: AsyncTransport) -> None:
        self.auth = AsyncAuthResource(transport)
        self.calendars = AsyncCalendarsResource(transport)
        self.clearance = AsyncClearanceResource(transport)
        self.clients = AsyncClientsResource(transport)
        self.companies = AsyncCompaniesResource(transport)
        self.compliance = AsyncComplianceResource(transport)
        self.courses = AsyncCoursesResource(transport)
        self.credentials = AsyncCredentialsResource(transport)
        self.employees = AsyncEmployeesResource(transport)
        self.enrollments = AsyncEnrollmentsResource(transport)
        self.events = AsyncEventsResource(transport)
        self.health = AsyncHealthResource(transport)
        self.imports = AsyncImportsResource(transport)
        self.labels = AsyncLabelsResource(transport)
        self.oauth = AsyncOauthResource(transport)
        self.organisations = AsyncOrganisationsResource(transport)
        self.projects = AsyncProjectsResource(transport)
        self.record_submissions = AsyncRecordSubmissionsResource(transport)
        self.records = AsyncRecordsResource(transport)
        self.requirements = AsyncRequirementsResource(transport)
        self.sessions = AsyncSessionsResource(transport)
        self.settings = AsyncSettingsResource(transport)
        self.staff = AsyncStaffResource(transport)
        self.training = AsyncTrainingResource(transport)
        self.users = AsyncUsersResource(transport)
        self.webhook_messages = AsyncWebhookMessagesResource(transport)
        self.webhooks = AsyncWebhooksResource(transport)
