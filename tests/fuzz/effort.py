"""How long to look: quickly and always the same in the suite, for minutes and each time elsewhere by `./dev fuzz`."""

import os

from hypothesis import HealthCheck, settings

LONG = os.environ.get("FUZZ_PROFILE") == "long"

examples = (
    settings(deadline=None, max_examples=2_000, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
    if LONG
    else settings(deadline=None, max_examples=60, derandomize=True, database=None)
)
"""Decorates each fuzz test."""
