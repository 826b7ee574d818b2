from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore import auth
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reelkeep.adapters.http.aws_signature import signed

words = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20)
secrets = st.text("ABCxyz019+/=", min_size=1, max_size=60)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=300),
    credentials=st.builds(ReadOnlyCredentials, words, secrets, st.none() | secrets),
    host=words,
    region=words,
    service=words,
    target=st.from_regex(r"[A-Z][A-Za-z_0-9]{1,20}\.[A-Z][a-zA-Z]{1,20}", fullmatch=True),
    now=st.datetimes(timezones=st.just(UTC)).filter(lambda now: now.year > 1000),
)
def test_the_signature_is_the_one_that_botocore_makes(
    monkeypatch: pytest.MonkeyPatch,
    body: bytes,
    credentials: ReadOnlyCredentials,
    host: str,
    region: str,
    service: str,
    target: str,
    now: datetime,
) -> None:
    headers = {"host": f"{host}:4566", "content-type": "application/x-amz-json-1.0", "x-amz-target": target}
    made = signed(headers, body, path="/", credentials=credentials, region=region, service=service, now=now)
    theirs = AWSRequest("POST", f"https://{host}:4566/", headers, body)
    monkeypatch.setattr(auth, "get_current_datetime", lambda: now)
    SigV4Auth(credentials, service, region).add_auth(theirs)
    assert made == {name.lower(): value for name, value in theirs.headers.items()}
