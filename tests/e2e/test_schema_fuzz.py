"""A fuzzer that others wrote, driven by the stack's own OpenAPI document: no 5xx, and no answer that it lacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from local.stack import Stack, this_machines_environment
from tests.e2e.conftest import NewClient, Prompt
from tests.submissions import MODELS

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"

# Where every corner of the schema takes longest and shows least: read by the same code as others that are covered
# or, as our own submission, a choice of so many kinds that it alone has a quarter of all corners. The examples and
# what is made up at random have to do.
UNCOVERED: Final = (
    "^(/api/v3/.*|/ent/v2/(img2video|reference2video|start-end2video|template2video|extend|upscale-new|lip-sync)"
    "|/kling/v1/videos/(multi-image2video|video-extend|lip-sync|effects).*)$"
)


@pytest.mark.usefixtures("simulator")  # most of what it makes up is generated
def test_no_request_that_the_document_allows_or_forbids_gets_an_answer_outside_it(
    stack: Stack, new_client: NewClient, prompt: Prompt, tmp_path: Path
) -> None:
    """Whoever reads meets tasks that are there, one of each provider; all but one have a film."""
    grace = new_client("grace")
    ids = [
        grace.submitted(prompt("for the fuzzer", fails), provider=name, model=model, resolution="720p", duration=4)
        for name, model, fails in (
            ("simulator", MODELS["vidu_ent_v2"], "[fail:CreationPolicyViolation]"),
            *((name, model, "") for name, model in MODELS.items() if name != "vidu_ent_v2"),
        )
    ]
    assert {grace.ended(task_id)["state"] for task_id in ids} == {"success", "failed"}
    configuration = f"""
[[operations]]
include-method = 'GET'
parameters = {{ 'path.task_id' = {json.dumps(ids)} }}

[[operations]]
include-path-regex = '{UNCOVERED}'
phases.coverage.enabled = false
phases.fuzzing.generation.max-examples = 10

[[operations]]
include-method = 'POST'
include-path = '/tasks'
phases.coverage.enabled = false
phases.fuzzing.generation.max-examples = 10
"""
    (tmp_path / "schemathesis.toml").write_text(configuration)
    fuzzed = subprocess.run(
        [
            *(Path(sys.executable).with_name("schemathesis"), "run", f"{stack.api_url}/openapi.json"),
            *("--url", stack.api_url, "-H", f"Authorization: Token {grace.key}", "--checks", CHECKS),
            *("--phases", "examples,coverage,fuzzing", "--max-examples", "3", "--continue-on-failure"),
            *("--request-timeout", "60"),  # one worker: Python 3.11 cannot parse code in two threads (gh-106905)
        ],
        cwd=tmp_path,
        env=this_machines_environment() if stack.aws_endpoint_url else dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert fuzzed.returncode == 0, fuzzed.stdout[-8_000:].replace(grace.key, "rk_…")
