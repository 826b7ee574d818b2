"""What every function's handler is wrapped in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reelkeep.wiring import platform
from tests.lambda_context import CONTEXT

LAYER = Path(__file__).parents[2] / "layers" / "reelkeep"


def test_every_log_line_names_the_request_the_function_and_what_it_is_about(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "reelkeep.lines")
    platform.logger.cache_clear()
    logger = platform.logger()

    @platform.lambda_handler("task_id")
    def handler(event: dict[str, str], _: object) -> None:
        logger.info("began")
        if event["task_id"] == "task-1":
            logger.append_keys(odd=True)  # which is gone with this call
        logger.info("ended")

    for task_id in ("task-1", "task-2"):
        handler({"task_id": task_id}, CONTEXT)
    platform.logger.cache_clear()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["correlation_id"] for line in lines] == ["task-1", "task-1", "task-2", "task-2"]
    assert [line.get("odd", False) for line in lines] == [False, True, False, False]
    for line in lines:
        assert (line["function_name"], line["function_request_id"]) == ("test", CONTEXT.aws_request_id)


def test_query_announce_and_deliver_start_without_pydantic() -> None:
    program = "import sys; from reelkeep.wiring import announce, deliver, query; print('pydantic' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(LAYER)}
    loaded = subprocess.check_output([sys.executable, "-c", program], env=environment, text=True)
    assert loaded.strip() == "False"


@pytest.mark.parametrize(("tracing", "loaded"), [("Active", True), (None, False)])
def test_a_call_is_traced_if_the_template_says_so_and_otherwise_no_tracer_is_loaded(
    tracing: str | None, loaded: bool
) -> None:
    program = """
import sys
from reelkeep.wiring import platform
from tests.lambda_context import CONTEXT
handler = platform.lambda_handler()(lambda event, context: {"its": "answer"})
assert "aws_xray_sdk.core" not in sys.modules or platform.settings.tracing
assert handler({}, CONTEXT) == {"its": "answer"}
print("aws_xray_sdk.core" in sys.modules)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(LAYER), str(LAYER.parents[1])))}
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793"
    environment |= {"LAMBDA_TASK_ROOT": "/var/task", "_X_AMZN_TRACE_ID": trace}
    environment |= {"POWERTOOLS_SERVICE_NAME": "test"} | ({"TRACING": tracing} if tracing else {})
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.returncode) == (str(loaded), 0), done.stderr
