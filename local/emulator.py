"""The emulated AWS: ministack, in its own virtual environment and with an environment of its own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import urllib3

from local import journal, processes
from local.errors import CloudError

START_SECONDS: Final = 120.0
ACCOUNT: Final = "000000000000"
DEPLOYED: Final = "deployed.json"  # in the folder of data, for as long as a whole deployment is there


@contextlib.contextmanager
def running(
    ministack: Path,
    *,
    port: int,
    data: Path,
    functions: Mapping[str, str],
    log: Path,
    secret_key: str = journal.EVERYBODYS,
    enforce_permissions: bool = False,
) -> Iterator[processes.Child]:
    """Yields when it answers. `functions` says to which address the invocations of each go.

    State survives in `data`: files of buckets and items of tables at once, everything else within seconds, once there
    is a whole deployment. With a `secret_key` of its own, secrets and signed links
    are for those who sign with it.
    """
    folders = {name: data / name for name in ("state", "s3", "tmp", "home")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    env = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(folders["home"]),
        "TMPDIR": str(folders["tmp"]),
        "GATEWAY_PORT": str(port),
        # Loopback only, and no port beside this one.
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(folders["state"]),
        "SAVE_WHILE": str(data / DEPLOYED),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(folders["s3"]),
        # It would throttle by this machine's memory; invocations wait in local/workers.py instead.
        "LAMBDA_ACCOUNT_CONCURRENCY": "0",
        "AWS_SECRET_ACCESS_KEY": secret_key,
        "AUTH": str(enforce_permissions).lower(),
        "LOG_LEVEL": "WARNING",
        **{f"MINISTACK_LAMBDA_PROXY_{name}": url for name, url in functions.items()},
    }
    command: list[str | Path] = [ministack.with_name("python"), "-I", str(journal.__file__)]
    with processes.running("the emulator", command, env=env, log=log, cwd=data) as child:
        await_answer(f"http://127.0.0.1:{port}/_ministack/ready", child)
        yield child


def was_killed(data: Path) -> bool:
    """Whether the last one in this folder was not stopped in order. To be asked before the next one starts."""
    return journal.was_killed(data / "state")


def await_saved(data: Path, child: processes.Child) -> None:
    """Returns when what was deployed can be lost no more."""
    deadline = time.monotonic() + START_SECONDS
    while not journal.is_saved(data / "state", data / DEPLOYED):
        child.require_running()
        if time.monotonic() > deadline:
            raise CloudError(f"{child.name} did not save its state within {START_SECONDS:.0f} s", child.log)
        time.sleep(0.05)


def await_answer(url: str, child: processes.Child, seconds: float = START_SECONDS) -> None:
    """Returns when the program answers this address with success."""
    http = urllib3.PoolManager(retries=False, timeout=5)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        child.require_running()
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            if http.request("GET", url).status == 200:
                return
        time.sleep(0.05)
    raise CloudError(f"{child.name} did not answer within {seconds:.0f} s", child.log)
