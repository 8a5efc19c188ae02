"""`python -m services.delivery`: serves, or carries out one of the service's commands."""

from services.delivery.app import SERVICE
from shared.service.chassis import run_service

if __name__ == "__main__":
    run_service(SERVICE)
