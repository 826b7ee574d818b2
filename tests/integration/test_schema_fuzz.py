"""A fuzzer that others wrote, driven by our own OpenAPI document: no 5xx, and no answer that the document lacks."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from reelkeep.domain.claims import Claim
from reelkeep.openapi import document
from tests.api_server import KEY, serving
from tests.fakes import FakeClaims
from tests.unit.services.stage import Stage

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


class Forgetful(FakeClaims):
    """A fuzzer gives many requests the same key: each of them must get further than to that."""

    def claim(self, claim: Claim, now: datetime, *, instead_of: str = "") -> Claim:
        return claim


def test_no_request_that_the_document_allows_or_forbids_gets_an_answer_outside_it(tmp_path: Path) -> None:
    with serving(Stage(claims=Forgetful())) as address:
        described = tmp_path / "openapi.json"
        described.write_text(json.dumps(document(address)))
        fuzzed = subprocess.run(
            [
                *(Path(sys.executable).with_name("schemathesis"), "run", described, "--url", address),
                *("-H", f"Authorization: Token {KEY}", "--checks", CHECKS, "--max-examples", "8"),
                *("--phases", "examples,fuzzing", "--continue-on-failure"),
                *("--exclude-path-regex", "^/(files|docs|openapi)"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    assert fuzzed.returncode == 0, fuzzed.stdout[-8_000:]
