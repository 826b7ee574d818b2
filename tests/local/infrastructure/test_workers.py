from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.pools import Pool
from local.workers import Function, FunctionError
from tests.waiting import until

RUNTIME = Path(__file__).parents[3] / "local" / "runtime.py"
Run = Callable[..., Pool]


@pytest.fixture
def pool_of(tmp_path: Path) -> Iterator[Run]:
    """Makes a pool whose function has this source."""
    pools: list[Pool] = []

    def make(source: str, most: int = 4, **changes: Any) -> Pool:
        code, layer = tmp_path / "code", tmp_path / "layer"
        code.mkdir()
        layer.mkdir()
        (code / "app.py").write_text(source)
        (layer / "layered.py").write_text("WORD = 'from the layer'\n")
        function = Function(
            name="stack-step",
            arn="arn:aws:lambda:us-east-1:000000000000:function:stack-step",
            handler="app.handler",
            timeout=60,
            memory=512,
            environment={"TABLE_NAME": "tasks"},
            folders=(code, layer),
            log=tmp_path / "step.log",
            temporary=tmp_path,
        )
        pools.append(Pool(dataclasses.replace(function, **changes), most))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


def invoke(pool: Pool, event: Any = None) -> Any:
    return pool.invoke(event, "request-1")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_function_gets_the_event_and_answers(pool_of: Run) -> None:
    pool = pool_of("def handler(event, context): return {'heard': event}")
    assert invoke(pool, {"prompt": "雨"}) == {"heard": {"prompt": "雨"}}


def test_a_function_imports_its_layers_and_nothing_that_is_installed_here(pool_of: Run) -> None:
    pool = pool_of(
        "import layered\n"
        "def handler(event, context):\n"
        "    try:\n"
        "        import pytest\n"
        "    except ImportError:\n"
        "        return layered.WORD\n"
    )
    assert invoke(pool) == "from the layer"


def test_a_function_sees_its_own_environment_and_not_ours(pool_of: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "secret")
    seen = invoke(pool_of("import os\ndef handler(event, context): return dict(os.environ)"))
    assert seen["TABLE_NAME"] == "tasks"
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == "stack-step"
    assert not {"OURS", "HOME", "VIRTUAL_ENV", "PYTHONPATH"} & seen.keys()


def test_a_function_gets_the_context_of_its_invocation(pool_of: Run) -> None:
    pool = pool_of(
        "def handler(event, context):\n"
        "    return [context.aws_request_id, context.invoked_function_arn, context.get_remaining_time_in_millis()]\n"
    )
    request_id, arn, milliseconds = invoke(pool)
    assert request_id == "request-1"
    assert arn.endswith(":function:stack-step")
    assert 0 < milliseconds <= 60_000


def test_a_worker_is_used_again(pool_of: Run) -> None:
    pool = pool_of("import os\ndef handler(event, context): return os.getpid()")
    assert invoke(pool) == invoke(pool)


def test_an_exception_is_reported_with_its_class_and_the_worker_lives_on(pool_of: Run) -> None:
    pool = pool_of(
        "import os\n"
        "def handler(event, context):\n"
        "    if event == 'fail':\n"
        "        raise KeyError('task')\n"
        "    return os.getpid()\n"
    )
    before = invoke(pool)
    with pytest.raises(FunctionError) as caught:
        invoke(pool, "fail")
    assert caught.value.error["errorType"] == "KeyError"
    assert caught.value.error["errorMessage"] == "'task'"
    assert invoke(pool) == before


def test_an_answer_that_is_not_json_is_the_functions_error(pool_of: Run) -> None:
    with pytest.raises(FunctionError, match="not JSON serializable"):
        invoke(pool_of("def handler(event, context): return {1, 2}"))


def test_a_function_that_takes_too_long_is_ended_and_who_waits_for_it_has_the_whole_time(
    pool_of: Run,
) -> None:
    pool = pool_of(
        "import os, threading, pathlib\n"
        "def handler(event, context):\n"
        "    if event is None: return context.get_remaining_time_in_millis() > 0\n"
        "    pathlib.Path(event).write_text(str(os.getpid()))\n"
        "    threading.Event().wait()\n",
        timeout=3,
        most=1,
    )
    note = Path(pool._function.temporary) / "pid"
    ended: list[FunctionError] = []

    def occupy() -> None:
        with pytest.raises(FunctionError) as caught:
            invoke(pool, str(note))
        ended.append(caught.value)

    thread = threading.Thread(target=occupy)
    thread.start()
    until(note.exists, what="the note of the function", within=60)
    with pytest.raises(FunctionError, match="no worker free in time"):
        pool.invoke(None, "request-1", patience=0.05)
    assert invoke(pool) is True
    thread.join()
    assert str(ended[0]) == "Task timed out after 3.00 seconds"
    assert not alive(int(note.read_text()))


def test_a_function_that_ends_its_process_is_an_error_and_the_next_invocation_works(pool_of: Run) -> None:
    pool = pool_of(
        "import os\ndef handler(event, context):\n    if event == 'die': os._exit(3)\n    return 'alive'\n"
    )
    with pytest.raises(FunctionError) as caught:
        invoke(pool, "die")
    assert caught.value.error["errorType"] == "Runtime.ExitError"
    assert invoke(pool) == "alive"


def test_a_function_that_cannot_be_imported_says_so_in_its_log(pool_of: Run) -> None:
    pool = pool_of("import missing")
    with pytest.raises(FunctionError) as caught:
        invoke(pool)
    assert caught.value.error["errorType"] == "Runtime.ExitError"
    assert "No module named 'missing'" in pool._function.log.read_text()


def test_what_a_function_prints_is_its_log(pool_of: Run) -> None:
    pool = pool_of("def handler(event, context): print('seen')")
    invoke(pool)
    assert pool._function.log.read_text() == "seen\n"


def test_an_answer_that_lambda_would_not_take_is_refused(pool_of: Run) -> None:
    with pytest.raises(FunctionError) as caught:
        invoke(pool_of("def handler(event, context): return 'x' * 7_000_000"))
    assert caught.value.error["errorType"] == "Function.ResponseSizeTooLarge"


def test_more_invocations_than_workers_wait_for_their_turn(pool_of: Run) -> None:
    pool = pool_of("import os\ndef handler(event, context): return os.getpid()", most=2)
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(invoke(pool))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 20
    assert len(set(answers)) <= 2


def test_workers_that_cannot_start_fail_those_who_wait_and_nobody_else(pool_of: Run) -> None:
    pool = pool_of("import pathlib\nif not pathlib.Path('../allowed').exists(): raise SystemExit(1)\nhandler = print")
    for _ in range(2):
        with pytest.raises(FunctionError, match="did not start"):
            invoke(pool)
    (pool._function.folders[0].parent / "allowed").touch()
    assert invoke(pool) is None


def test_a_pool_that_is_warm_has_a_worker_before_anyone_asks(pool_of: Run) -> None:
    pool = pool_of("print('imported', flush=True)\ndef handler(event, context): return None")
    pool.warm_up()
    until(
        lambda: pool._function.log.exists() and pool._function.log.read_text() == "imported\n",
        what="the line in the log",
        within=60,
    )


def test_surplus_workers_go_when_they_have_nothing_to_do(pool_of: Run) -> None:
    source = (
        "import os, pathlib\n"
        "def handler(event, context):\n"
        "    folder = pathlib.Path(event)\n"
        "    (folder / f'{os.getpid()}.pid').touch()\n"
        "    while len(list(folder.glob('*.pid'))) < 2: pass\n"
        "    return os.getpid()\n"
    )
    pool = pool_of(source, most=2)
    folder = str(pool._function.temporary)
    pids: list[int] = []
    threads = [threading.Thread(target=lambda: pids.append(invoke(pool, folder))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pool.retire(idle_seconds=0)
    assert sorted(map(alive, pids)) == [False, True]


def test_closing_ends_every_worker(pool_of: Run) -> None:
    pool = pool_of("import os\ndef handler(event, context): return os.getpid()")
    pid = invoke(pool)
    pool.close()
    assert not alive(pid)


def test_a_worker_ends_when_whoever_started_it_is_killed(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import fcntl\n"
        "def handler(event, context):\n"
        "    global lock\n"
        "    lock = open(event, 'w')\n"
        "    fcntl.flock(lock, fcntl.LOCK_EX)\n"
    )

    def lives() -> bool:
        with (tmp_path / "life").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    with subprocess.Popen([sys.executable, "-c", PARENT, tmp_path], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        assert lives()
        parent.kill()
    until(lambda: not lives(), what="the worker to end", within=60)


PARENT = """
import pathlib, signal, sys
from local.pools import Pool
from local.workers import Function
folder = pathlib.Path(sys.argv[1])
pool = Pool(Function("f", "arn", "app.handler", 5, 128, {}, (folder,), folder / "log", folder))
print(pool.invoke(str(folder / "life"), "request-1"), flush=True)
signal.pause()
"""


def test_a_worker_whose_answer_nobody_takes_any_more_ends_without_a_word(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("handler = lambda event, context: open(event).read()")
    os.mkfifo(event := tmp_path / "event")
    ours, its = socket.socketpair()
    variables = ("FUNCTION_NAME", "FUNCTION_VERSION", "FUNCTION_MEMORY_SIZE", "LOG_GROUP_NAME", "LOG_STREAM_NAME")
    with its, ours.makefile("rwb") as channel:
        worker = subprocess.Popen(
            [sys.executable, "-I", "-S", str(RUNTIME), str(its.fileno()), "app.handler", str(tmp_path)],
            pass_fds=[its.fileno()],
            env={f"AWS_LAMBDA_{name}": "1" for name in variables},
            stderr=subprocess.PIPE,
        )
        assert channel.readline() == b"ready\n"
        channel.write(json.dumps({"event": str(event), "arn": "", "request_id": "", "deadline": 0}).encode() + b"\n")
    ours.close()
    event.write_text("an answer")  # for which it has waited
    assert worker.communicate(timeout=30)[1] == b""
