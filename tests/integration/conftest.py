"""What tests of parts share, whichever service's."""

from pathlib import Path

import pytest

from tests.support.tls import Tls


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    """A server's certificate of the test's own."""
    return Tls.made(tmp_path)
