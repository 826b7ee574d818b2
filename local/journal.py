"""Runs ministack so that being killed costs it next to nothing.

By itself it (1.5.33) writes its state down when it is stopped in order, and only then; of a table's stream it keeps
how far its readers had come, and not what there was to read. Here
- every write to DynamoDB, and every message to a queue, is in a journal before it is answered, and is made again at
  the next start if need be;
- everything is written down every few seconds, by a copy of the process: as Redis does, so nobody waits for it, and
  what is written is the state of one moment;
- what a stream's readers have not had yet is written down with its table;
- a page of another address gets nothing: ministack lets every page read everything, the providers' secret too;
- the secrets are for those who sign with this stack's own key: others on this machine reach the port, too;
- a file of a bucket is whole, whatever was cut between its content and what is known of it;
- a queue is found again on another port, by the functions that read from it, too;
- an invocation may wait for a worker: ministack gives up when the function's own time is over, workers or not.

Started by the emulator's own Python:

    python -I journal.py

with ministack's own variables, and SAVE_WHILE: a file without which nothing is saved, for half a deployment is none.
What uses ministack's private functions is here alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import importlib
import json
import os
import re
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator
from pathlib import Path
from typing import Any

TICK_SECONDS = 0.1
PAUSE_SECONDS = 5.0  # between two savings, if there was a request meanwhile
SHARE = 20  # and so many times as long as the last one took
SAVING_SECONDS = 120.0
INVOCATION_SECONDS = 1920  # for a worker (local/pools.py), and then for the slowest function
WRITES = {
    "DynamoDB_20120810": ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"),
    "AmazonSQS": ("SendMessage", "SendMessageBatch"),
}

FACTS = ".meta.json"  # after the name of a bucket's file
TABLES = "dynamodb"  # what ministack calls them where it saves
UNREAD = "reelkeep_unread"  # of their streams
JOURNAL = "journal"
CALLS = "/_reelkeep/calls"  # how many there were of each
EVERYBODYS = "test"  # secret key, of whoever has none of his own
SAVED = "saved"  # as old as the moment whose whole state is in its folder


class Journal:
    """Lines in numbered files. Each is in the operating system's hands when `append` returns."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.earlier = sorted(folder.glob("*.jsonl"))
        self._number = int(self.earlier[-1].stem) if self.earlier else 0
        self._lock = threading.Lock()
        self._open()

    def _open(self) -> None:
        self._number += 1
        self._file = (self._folder / f"{self._number:012}.jsonl").open("ab", buffering=0)

    def append(self, entry: Any) -> None:
        with self._lock:
            self._file.write(json.dumps(entry).encode() + b"\n")

    def turn(self) -> list[Path]:
        """Goes on in a new file. Those so far are void as soon as a state from now on is saved."""
        with self._lock:
            self._file.close()
            self._open()
            return sorted(self._folder.glob("*.jsonl"))[:-1]

    def end(self) -> list[Path]:
        """Nothing is written any more, and all of it is void as soon as the state is saved."""
        with self._lock:
            self._file.close()
            return sorted(self._folder.glob("*.jsonl"))

    def entries(self) -> Iterator[Any]:
        """What earlier runs wrote and nobody saved; a line that was cut short was never answered."""
        for path in self.earlier:
            for line in path.read_bytes().splitlines():
                with contextlib.suppress(ValueError):
                    yield json.loads(line)


class Saving:
    """Writes everything down, time and again."""

    def __init__(self, emulator: Any, journal: Journal, state: Path, wanted: Path) -> None:
        self._emulator = emulator
        self._save_all: Callable[[Any], None] = emulator.save_all
        self._journal = journal
        self._state = state
        self._wanted = wanted
        self._begun = state / f"{SAVED}.new"
        self._lock = threading.Lock()
        self._child = 0
        self._stopping = False
        self.requests = 0

    def run(self) -> None:
        seen, due = -1, 0.0
        while not self._stopping:
            time.sleep(TICK_SECONDS)
            began = time.monotonic()
            if began >= due and self._wanted.exists() and (self._is_new() or self.requests != seen):
                seen = self.requests
                try:
                    self._save()
                except OSError:  # no memory, no space: the journal has it all the same
                    traceback.print_exc()
                due = began + max(PAUSE_SECONDS, SHARE * (time.monotonic() - began))

    def _is_new(self) -> bool:
        """Whether the deployment was never saved."""
        return not is_saved(self._state, self._wanted)

    def _save(self) -> None:
        with self._lock:
            if self._stopping:
                return
            self._begun.touch()
            void = self._journal.turn()
            self._child = os.fork()
            if self._child == 0:
                self._save_and_exit()
        if self._succeeded():
            self._are_void(void)

    def _save_and_exit(self) -> None:
        """In the copy, where this thread is the only one. It must not keep the port when the emulator dies."""
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.closerange(3, 1 << 16)
            began = time.time()
            self._save_all(tables_last(self._emulator._build_persistence_save_dict()))
            # It logs what it cannot save, and goes on.
            os._exit((self._state / f"{TABLES}.json").stat().st_mtime < began - 1)
        finally:
            os._exit(1)

    def _succeeded(self) -> bool:
        deadline = time.monotonic() + SAVING_SECONDS
        while True:
            time.sleep(TICK_SECONDS)
            with self._lock:
                if not self._child:  # ended by `finish`
                    return False
                ended, status = os.waitpid(self._child, os.WNOHANG)
                if ended:
                    self._child = 0
                    return status == 0
                if time.monotonic() > deadline:
                    os.kill(self._child, signal.SIGKILL)

    def _are_void(self, journals: list[Path]) -> None:
        self._begun.replace(self._state / SAVED)
        for path in journals:
            path.unlink(missing_ok=True)

    def finish(self, states: Any) -> None:
        """Instead of ministack's own saving at the end, which must not meet one of ours."""
        with self._lock:
            self._stopping = True
            if self._child:
                os.kill(self._child, signal.SIGKILL)
                os.waitpid(self._child, 0)
                self._child = 0
            self._begun.touch()
            self._save_all(tables_last(states))
            self._are_void(self._journal.end())


def tables_last(states: dict[str, Any]) -> dict[str, Any]:
    """Each goes into a file of its own. Should only some be new when it is killed, the journal has what DynamoDB's
    lacks, and so the others may be newer than DynamoDB's and not older."""
    return {**{name: state for name, state in states.items() if name != TABLES}, TABLES: states[TABLES]}


class Streams:
    """The records of tables' streams, from the first one on that some reader has not had."""

    def __init__(self, dynamodb: Any, functions: Any) -> None:
        self._dynamodb = dynamodb
        self._functions = functions
        self._loaded: list[Any] = []
        get_state, load = dynamodb.get_state, dynamodb.load_persisted_state
        dynamodb.get_state = lambda: {**get_state(), UNREAD: self._unread()}

        def load_persisted_state(state: Any) -> None:
            self._loaded = state.get(UNREAD, [])
            load(state)

        dynamodb.load_persisted_state = load_persisted_state

    def _unread(self) -> list[Any]:
        readers = list(self._functions._iter_all_esms())
        unread = []
        for (account, region, table), records in list(self._dynamodb._stream_records.all_items()):
            first = self._dynamodb._stream_trimmed.get_scoped(account, region, table, 0)
            positions = (
                self._functions._dynamodb_stream_positions.get_scoped(account, region, reader["UUID"], first)
                for *_, reader in readers
                if f":table/{table}/stream/" in reader.get("EventSourceArn", "")
            )
            read = max(0, min(positions, default=first + len(records)) - first)
            unread.append([account, region, table, records[read:]])
        return unread

    def restore(self) -> None:
        """When everything is loaded: what nobody has read yet is where every reader begins."""
        for account, region, reader in self._functions._iter_all_esms():
            self._functions._dynamodb_stream_positions.set_scoped(account, region, reader["UUID"], 0)
        for account, region, table, records in self._loaded:
            self._dynamodb._stream_records.set_scoped(account, region, table, records)


def main() -> None:
    emulator: Any = importlib.import_module("ministack.app")
    dynamodb: Any = importlib.import_module("ministack.services.dynamodb")
    queues: Any = importlib.import_module("ministack.services.sqs")
    state = Path(os.environ["STATE_DIR"])
    journal = Journal(state / JOURNAL)
    saving = Saving(emulator, journal, state, Path(os.environ["SAVE_WHILE"]))
    vault: Any = importlib.import_module("ministack.services.secretsmanager")
    if (secret_key := os.environ["AWS_SECRET_ACCESS_KEY"]) != EVERYBODYS:
        vault.handle_request = for_signed_requests(vault.handle_request, secret_key)
    functions: Any = importlib.import_module("ministack.services.lambda_svc")
    functions._execute_function_proxy = patient(functions._execute_function_proxy)
    queues._queue_url_for_account = steady(queues)
    streams = Streams(dynamodb, functions)
    load, serve = emulator._load_persisted_state, emulator.app
    handlers = {"DynamoDB_20120810": dynamodb.handle_request, "AmazonSQS": queues.handle_request}

    def noting(handle: Any) -> Any:
        async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
            answer = await handle(method, path, headers, body, query_params)
            service, _, operation = headers.get("x-amz-target", "").partition(".")
            if operation in WRITES.get(service, ()) and answer[0] < 300:
                journal.append([f"{service}.{operation}", body.decode()])
            return answer

        return handle_request

    def load_persisted_state() -> None:
        mend_files(Path(os.environ["S3_DATA_DIR"]))
        load()
        streams.restore()
        for target, body in journal.entries():
            handle = handlers[target.partition(".")[0]]
            at_once(handle("POST", "/", {"x-amz-target": target}, body.encode(), {}))
        # Not a moment earlier: what is not loaded yet must not be saved.
        emulator.save_all = saving.finish
        threading.Thread(target=saving.run, name="saving", daemon=True).start()

    calls: Counter[str] = Counter()

    async def count(scope: Any, receive: Any, send: Any) -> None:
        saving.requests += 1
        if scope.get("path") == CALLS:
            await _answer(send, 200, b"application/json", json.dumps(calls).encode())
        else:
            if named := call_of(scope):
                calls[named] += 1
            await serve(scope, receive, send)

    dynamodb.handle_request, queues.handle_request = map(noting, handlers.values())
    emulator._load_persisted_state = load_persisted_state
    emulator.app = closed_to_strangers(count)
    emulator.save_all = lambda _: None
    emulator.main()


def mend_files(folder: Path) -> None:
    """A kill between two writes leaves the new content of a file beside what was known of the old one. The new one
    counts: its writer had no answer and may find either."""
    for facts in folder.rglob(f"*{FACTS}"):
        file = facts.with_name(facts.name.removesuffix(FACTS))
        if file.is_file() and file.stat().st_mtime_ns > facts.stat().st_mtime_ns:
            content, known = file.read_bytes(), json.loads(facts.read_text())
            etag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
            current = [each for each in known.get("versions", ()) if each["version_id"] == known["version_id"]]
            for each in (known, *current):
                each |= {"size": len(content), "etag": etag, "checksums": {}}
            facts.write_text(json.dumps(known))


def patient(invoke: Any) -> Any:
    """Ends no invocation: the functions' timeouts are kept by those who run them (local/workers.py)."""

    def invoke_patiently(function: Any, *arguments: Any) -> Any:
        return invoke({**(function.get("config") or function), "Timeout": INVOCATION_SECONDS}, *arguments)

    return invoke_patiently


def steady(queues: Any) -> Any:
    """A queue keeps the address that it was made under: who looks for it on another port must find it, too."""
    new_address = queues._queue_url_for_account

    def address(account: str, name: str) -> Any:
        known = queues._queue_name_to_url.get_scoped(account, queues.get_region(), name)
        return known or new_address(account, name)

    return address


def closed_to_strangers(serve: Any) -> Any:
    """The same application, which refuses other addresses' pages, and allows none to read its answers.

    Browsers name the page's address in `Origin`. A name that leads here for a moment (DNS rebinding) is in `Host`.
    """

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def send_without_permission(message: Any) -> None:
            if message["type"] == "http.response.start":
                kept = [each for each in message["headers"] if not each[0].lower().startswith(b"access-control-")]
                message = {**message, "headers": kept}
            await send(message)

        if scope["type"] == "lifespan" or is_from_here(scope["headers"]):
            await serve(scope, receive, send_without_permission)
        elif scope["type"] == "http":
            await _answer(send, 403, b"text/plain", b"this port is for this machine's own address only\n")
        else:
            await send({"type": "websocket.close", "code": 1008})

    return app


def for_signed_requests(handle: Any, secret_key: str) -> Any:
    """The same service, for requests that are signed with this key."""

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        if is_signed(secret_key, method, path, headers, body):
            return await handle(method, path, headers, body, query_params)
        said = {"__type": "InvalidSignatureException", "message": "it is not signed with this stack's secret key"}
        return 403, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(said).encode()

    return handle_request


def is_signed(secret_key: str, method: str, path: str, headers: dict[str, str], body: bytes) -> bool:
    """Whether the key signed this request, which has no query: AWS's own code signs it once more."""
    auth: Any = importlib.import_module("botocore.auth")
    request_of: Any = importlib.import_module("botocore.awsrequest").AWSRequest
    credentials_of: Any = importlib.import_module("botocore.credentials").Credentials
    said = re.search(
        r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request, *SignedHeaders=(\S+), *Signature=(\w+)",
        headers.get("authorization", ""),
    )
    if said is None:
        return False
    key_id, region, service, signed, signature = said.groups()
    signer = auth.SigV4Auth(credentials_of(key_id, secret_key), service, region)
    request = request_of(
        method,
        f"http://{headers.get('host', '')}{path}",
        {name: headers.get(name, "") for name in signed.split(";")},
        body,
    )
    request.context["timestamp"] = headers.get("x-amz-date", "")
    right = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    return hmac.compare_digest(right, signature)


async def _answer(send: Any, status: int, content_type: bytes, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", content_type)]})
    await send({"type": "http.response.body", "body": body})


def call_of(scope: Any) -> str:
    """Who calls what, as `key id service operation`; "" for what is no signed call of AWS."""
    if scope["type"] != "http":
        return ""
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    signed = re.search(r"Credential=([^/]+)/[^/]*/[^/]*/([^/]+)/", headers.get(b"authorization", ""))
    operation = headers.get(b"x-amz-target", "").rpartition(".")[2] or scope["method"]
    return f"{signed[1]} {signed[2]} {operation}" if signed else ""


def is_from_here(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the request was sent to this machine by name, and not by a page of another address."""
    found = {name.lower(): value.decode("latin-1") for name, value in headers}
    host, origin = found.get(b"host", ""), found.get(b"origin")
    name = re.sub(r":\d+$", "", host)
    here = name in ("127.0.0.1", "localhost", "[::1]") or name.endswith(".localhost")
    return here and origin in (None, f"http://{host}")


def was_killed(state: Path) -> bool:
    """Whether the last run did not come to its orderly end. To be asked before the next one begins."""
    return any((state / JOURNAL).glob("*.jsonl"))


def is_saved(state: Path, deployed: Path) -> bool:
    return _changed(state / SAVED) > _changed(deployed)


def _changed(path: Path) -> int:
    """When, in nanoseconds."""
    return path.stat().st_mtime_ns if path.exists() else 0


def at_once(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Runs what is called a coroutine and waits for nothing.

    What it answers does not matter: a conditional write that was saved already is refused. And one that fails must
    not keep the others from being made.
    """
    try:
        coroutine.send(None)
    except StopIteration:
        return
    except Exception:
        traceback.print_exc()
        return
    coroutine.close()
    print("a write waits for something: the journal cannot be replayed", file=sys.stderr)


if __name__ == "__main__":
    main()
