"""Attributes of the client.

Written by `./dev documents`: change the routes, or what writes this.
"""

from muster.resources.auth import AuthResource
from muster.resources.calendars import CalendarsResource
from muster.resources.clearance import ClearanceResource
from muster.resources.clients import ClientsResource
from muster.resources.companies import CompaniesResource
from muster.resources.compliance import ComplianceResource
from muster.resources.courses import CoursesResource
from muster.resources.credentials import CredentialsResource
from muster.resources.employees import EmployeesResource
from muster.resources.enrollments import EnrollmentsResource
from muster.resources.events import EventsResource
from muster.resources.health import HealthResource
from muster.resources.imports import ImportsResource
from muster.resources.labels import LabelsResource
from muster.resources.oauth import OauthResource
from muster.resources.organisations import OrganisationsResource
from muster.resources.projects import ProjectsResource
from muster.resources.record_submissions import RecordSubmissionsResource
from muster.resources.records import RecordsResource
from muster.resources.requirements import RequirementsResource
from muster.resources.sessions import SessionsResource
from muster.resources.settings import SettingsResource
from muster.resources.staff import StaffResource
from muster.resources.training import TrainingResource
from muster.resources.users import UsersResource
from muster.resources.webhook_messages import WebhookMessagesResource
from muster.resources.webhooks import WebhooksResource
from muster.transport import Transport


class Resources:
    """All resources of the API, over one transport."""

    def __init__(self, transport: Transport) -> None:
        self.auth = AuthResource(transport)
        self.calendars = CalendarsResource(transport)
        self.clearance = ClearanceResource(transport)
        self.clients = ClientsResource(transport)
        self.companies = CompaniesResource(transport)
        self.compliance = ComplianceResource(transport)
        self.courses = CoursesResource(transport)
        self.credentials = CredentialsResource(transport)
        self.employees = EmployeesResource(transport)
        self.enrollments = EnrollmentsResource(transport)
        self.events = EventsResource(transport)
        self.health = HealthResource(transport)
        self.imports = ImportsResource(transport)
        self.labels = LabelsResource(transport)
        self.oauth = OauthResource(transport)
        self.organisations = OrganisationsResource(transport)
        self.projects = ProjectsResource(transport)
        self.record_submissions = RecordSubmissionsResource(transport)
        self.records = RecordsResource(transport)
        self.requirements = RequirementsResource(transport)
        self.sessions = SessionsResource(transport)
        self.settings = SettingsResource(transport)
        self.staff = StaffResource(transport)
        self.training = TrainingResource(transport)
        self.users = UsersResource(transport)
        self.webhook_messages = WebhookMessagesResource(transport)
        self.webhooks = WebhooksResource(transport)
