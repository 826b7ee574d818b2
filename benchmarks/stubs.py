"""AWS and a provider as the functions meet them: over TLS, with canned answers of the right form.

    python -m benchmarks.stubs CERTIFICATE TASK_ID API_KEY

prints its port and serves until its standard input ends. Being a process of its own, it takes its time from nobody.
"""

from __future__ import annotations

import hashlib
import json
import re
import ssl
import sys
import threading
import zlib
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from benchmarks import world
from reelkeep.domain.counts import NUMBER

_UPLOADED: Final = {"etag": '"0123456789abcdef0123456789abcdef"'}
_PUBLISHED: Final = (
    '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>1</MessageId>'
    "</PublishResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></PublishResponse>"
)
_EXECUTION: Final = "arn:aws:states:us-east-1:000000000000:execution:reelkeep-task:benchmark"
_PLACED: Final = {
    "task_id": world.PROVIDER_TASK_ID,
    "state": "created",
    "model": "viduq2",
    "prompt": "a paper boat on a pond",
    "images": [],
    "duration": 4,
    "seed": 1234,
    "resolution": "720p",
    "movement_amplitude": "auto",
    "payload": "",
    "off_peak": False,
    "credits": 8,
    "created_at": "2026-11-21T12:00:00Z",
}
_PROCESSING: Final = {
    "id": world.PROVIDER_TASK_ID,
    "state": "processing",
    "err_code": "",
    "credits": 8,
    "payload": "",
    "creations": [],
}
_RUNNING: Final = {"id": world.PROVIDER_TASK_ID, "status": "running"}


class World:
    """Remembers nothing, so that every call finds what the first one found."""

    def __init__(self, task_id: str, key: str, address: str) -> None:
        self.files = world.files()
        self._items = world.items(task_id, key, address)
        self._secrets = world.secrets(address)
        self.operations: Mapping[str, Callable[[Any], Any]] = {
            "DynamoDB_20120810.GetItem": self._get,
            "DynamoDB_20120810.BatchGetItem": self._get_batch,
            "DynamoDB_20120810.Query": self._query,
            "DynamoDB_20120810.PutItem": lambda _: {},
            "DynamoDB_20120810.UpdateItem": lambda _: {"Attributes": {NUMBER: {"N": "1"}}},
            "DynamoDB_20120810.DeleteItem": lambda _: {},
            "AmazonSQS.SendMessageBatch": self._send_batch,
            "AWSStepFunctions.StartExecution": lambda _: {"executionArn": _EXECUTION, "startDate": 1.8e9},
            "AWSStepFunctions.DescribeExecution": self._describe,
            "secretsmanager.GetSecretValue": self._secret,
        }

    def _send_batch(self, asked: Any) -> Any:
        sent = [
            {"Id": each["Id"], "MessageId": each["Id"], "MD5OfMessageBody": _md5(each["MessageBody"])}
            for each in asked["Entries"]
        ]
        return {"Successful": sent, "Failed": []}

    def _find(self, table: str, key: Any) -> Any:
        return next((item for item in self._items[table] if key.items() <= item.items()), None)

    def _get(self, asked: Any) -> Any:
        item = self._find(asked["TableName"], asked["Key"])
        return {"Item": item} if item else {}

    def _get_batch(self, asked: Any) -> Any:
        ((table, wanted),) = asked["RequestItems"].items()
        found = [item for key in wanted["Keys"] if (item := self._find(table, key))]
        return {"Responses": {table: found}, "UnprocessedKeys": {}}

    def _query(self, asked: Any) -> Any:
        if "ExpressionAttributeNames" not in asked:  # webhooks, what waits, or durations: there are none
            return {"Items": [], "Count": 0, "ScannedCount": 0}
        name, values = asked["ExpressionAttributeNames"]["#value"], asked["ExpressionAttributeValues"]
        found = [
            {"task_id": item["task_id"]}
            for item in self._items[asked["TableName"]]
            if item.get(name) == values[":value"]
            and values[":oldest"]["S"] <= item["task_id"]["S"] <= values[":newest"]["S"]
        ]
        found.sort(key=lambda item: str(item["task_id"]["S"]), reverse=not asked["ScanIndexForward"])
        begin = found.index(asked["ExclusiveStartKey"]) + 1 if "ExclusiveStartKey" in asked else 0
        page = found[begin : begin + asked["Limit"]]
        more = {"LastEvaluatedKey": page[-1]} if begin + len(page) < len(found) else {}
        return {"Items": page, "Count": len(page), "ScannedCount": len(page), **more}

    def _describe(self, asked: Any) -> Any:
        return {
            "executionArn": asked["executionArn"],
            "stateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:reelkeep-task",
            "status": "RUNNING",
            "startDate": 1.8e9,
        }

    def _secret(self, asked: Any) -> Any:
        name = asked["SecretId"]
        return {"ARN": name, "Name": name, "SecretString": self._secrets[name], "CreatedDate": 1.8e9}


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, certificate: str, task_id: str, key: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.tls.load_cert_chain(certificate)
        self.world = World(task_id, key, f"https://127.0.0.1:{self.server_address[1]}")

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A function that is stopped cuts its connections; anything else is worth a word."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle_expect_100(self) -> bool:
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def do_POST(self) -> None:
        body = self._body()
        target = self.headers.get("x-amz-target", "")
        if target:
            answer = self.server.world.operations[target](json.loads(body))
            self._json(answer, "application/x-amz-json-1.0")
        elif self.path.startswith("/ent/v2/"):
            self._json(_PLACED, "application/json")
        else:
            self._reply(200, _PUBLISHED.encode(), {"content-type": "text/xml"})

    def do_PUT(self) -> None:
        self._body()
        self._reply(200, b"", _UPLOADED)

    def do_GET(self) -> None:
        if self.path.startswith("/ent/v2/"):
            self._json(_PROCESSING, "application/json")
            return
        if self.path.startswith("/contents/"):
            self._json(_RUNNING, "application/json")
            return
        file = self.server.world.files[self.path]
        headers = {"etag": f'"{len(file)}"', "content-type": "application/octet-stream"}
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("range", ""))
        if not found:
            self._reply(200, file, headers)
            return
        first, last = int(found[1]), min(int(found[2]), len(file) - 1)
        headers["content-range"] = f"bytes {first}-{last}/{len(file)}"
        self._reply(206, file[first : last + 1], headers)

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def _json(self, answer: Any, content_type: str) -> None:
        body = json.dumps(answer).encode()
        self._reply(200, body, {"content-type": content_type, "x-amz-crc32": str(zlib.crc32(body))})

    def _reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main(certificate: str, task_id: str, key: str) -> None:
    with _Server(certificate, task_id, key) as server:
        print(server.server_address[1], flush=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
