"""A gateway as a process of its own, with a path that goes over the lane; `GATHERING=1` takes its guard out."""

import os

from gateway.__main__ import main
from gateway.edge import stream_handler
from gateway.routes import STREAMED
from shared.http.models import MAX_BODY_BYTES

PATH = "/api/v1/training/courses/stream"
MOST = 64 * MAX_BODY_BYTES

if __name__ == "__main__":
    STREAMED[PATH] = {"GET": 0, "POST": MOST}  # type: ignore[index]
    if os.environ.get("GATHERING"):
        stream_handler.GATHERED_BYTES = 2**40  # type: ignore[misc]
    main()
