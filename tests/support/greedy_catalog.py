"""A catalog that reads all rows of an export at once: what it would be without steps."""

from services.catalog.app import SERVICE
from shared.service import exports
from shared.service.chassis import run_service

if __name__ == "__main__":
    exports.ROWS_OF_STEP = 10_000_000  # type: ignore[misc]
    run_service(SERVICE)
