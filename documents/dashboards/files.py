"""The files of all dashboards."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from documents.dashboards.events import EVENTS
from documents.dashboards.panels import dashboard_text
from documents.dashboards.seats import SEATS
from documents.dashboards.service import SERVICE
from documents.dashboards.system import SYSTEM
from documents.dashboards.webhooks import WEBHOOKS
from documents.writing import Text

DASHBOARDS: Final = (SYSTEM, SERVICE, EVENTS, SEATS, WEBHOOKS)
FOLDER: Final = "deploy/observability/grafana/dashboards"
DASHBOARD_FILES: Final[Mapping[str, Text]] = {
    f"{FOLDER}/{each.uid}.json": partial(dashboard_text, each) for each in DASHBOARDS
}
