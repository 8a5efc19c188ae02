"""`python -m services.catalog`: serves, or carries out one of the service's commands."""

from services.catalog.app import SERVICE
from shared.service.chassis import run_service

if __name__ == "__main__":
    run_service(SERVICE)
