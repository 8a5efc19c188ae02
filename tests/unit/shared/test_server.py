"""A process that serves (`shared.http.server.app.run`)."""

import subprocess
import sys

STARTING = """
import gc, os, signal
from shared.http.server.app import create_app, run

async def tell(app):
    print("frozen objects:", gc.get_freeze_count())
    os.kill(os.getpid(), signal.SIGTERM)

app = create_app()
app.on_startup.append(tell)
run(app, "127.0.0.1", 0)
"""


def test_a_process_has_looked_for_garbage_before_it_takes_connections() -> None:
    """Looking through all that it has imported takes so long that its first clients would notice."""
    ended = subprocess.run([sys.executable, "-c", STARTING], capture_output=True, text=True, timeout=30, check=True)
    assert int(ended.stdout.removeprefix("frozen objects: ")) > 10_000
