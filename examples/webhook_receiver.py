"""Receive webhooks: verify who sent them, drop repeats. Something in front of it must serve https.

Run: pip install standardwebhooks, then WEBHOOK_SECRET=whsec_... python examples/webhook_receiver.py 8080
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])
seen: set[str] = set()  # ids of messages; a program that restarts keeps them in its database


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            event = webhook.verify(body, dict(self.headers))
        except WebhookVerificationError:
            self.answer(400)  # somebody else sent it
            return
        message_id = self.headers["webhook-id"]
        if message_id not in seen:  # a message may come more than once, always under the same id
            seen.add(message_id)
            print(json.dumps({"type": event["type"], "task": event["subject"]}), flush=True)
        self.answer(204)  # anything but 2xx, or no answer within seconds, has it sent again

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: what matters is printed."""


HTTPServer(("", int(sys.argv[1])), Receiver).serve_forever()
