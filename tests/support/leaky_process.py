"""`python -m tests.support.leaky_process`: a process that says more than it should, for a control."""

import logging

from services.catalog.settings import CatalogSettings
from shared.observability import configure_logging
from shared.settings import read_settings

if __name__ == "__main__":
    settings = read_settings(CatalogSettings)
    configure_logging("catalog", settings.log_level)
    logging.getLogger(__name__).error("cannot reach %s", settings.amqp_url.get_secret_value())
