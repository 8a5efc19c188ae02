"""A receiver of webhooks: `WEBHOOK_SECRET=whsec_… python receiver.py 9000`."""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from muster.webhooks import WebhookRefused, verify


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            event = verify(body, dict(self.headers), os.environ["WEBHOOK_SECRET"])
            print(event.id, event.type, event.version, flush=True)  # store it here: what takes long comes afterwards
            self.send_response(204)
        except WebhookRefused as refused:
            print(refused, file=sys.stderr)
            self.send_response(401)
        self.end_headers()


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
