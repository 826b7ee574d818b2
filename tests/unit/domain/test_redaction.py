from __future__ import annotations

import json
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkeep.domain.keys import new_key
from reelkeep.domain.redaction import REDACTED, redact

SECRET = "s3cr3tS3cr3t-_s3cr3t"


@pytest.mark.parametrize(
    "text",
    [
        f"https://cdn.test/1.mp4?X-Amz-Signature={SECRET}",
        f"https://cdn.test/1.mp4?Expires=1&whatever={SECRET}#t=1",
        f'{{"url":"https:\\/\\/cdn.test\\/1.mp4?a=1\\u0026Signature={SECRET}"}}',
        f'"{{\\"url\\":\\"https://cdn.test/1.mp4?a=1&s={SECRET}\\",\\"n\\":1}}"',
        f"<a href='https://cdn.test/1.mp4?{SECRET}'>",
        f"https://user:{SECRET}@cdn.test/1.mp4",
        f"/relative/1.mp4?X-Tos-Signature={SECRET}&x=1",
        f"/relative/1.mp4?x=1&X-Amz-Security-Token={SECRET}",
        f"Authorization: Token {SECRET}",
        f"authorization: {SECRET}",
        f"x-api-key: {SECRET}\r\nHost: a.test",
        f"Set-Cookie: session={SECRET}; Path=/",
        f'{{"Authorization": "Bearer {SECRET}"}}',
        f"{{'Authorization': 'Token {SECRET}'}}",
        f'{{\\"api_key\\": \\"{SECRET}\\"}}',
        f'{{"access_token":"{SECRET}","expires_in":7200}}',
        f'{{"password" : "{SECRET}"}}',
        f'{{"AccessKeyId": "{SECRET}", "SecretAccessKey": "{SECRET}"}}',
        f'{{"secret_key": "{SECRET}"}}',
        f"api_key={SECRET}&model=viduq2",
        f"invalid key vda_{SECRET}",
        f"Incorrect API key provided: sk-{SECRET}.",
        f"sk-proj-{SECRET}",
        f"the header was Bearer {SECRET}",
        "the header was Token s3cr3t99",
        "AKIAS3CR3TS3CR3TS3CR",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzM2NyM3QifQ.s3cr3ts3cr3t",
    ],
)
def test_no_secret_is_left(text: str) -> None:
    redacted = redact(text)
    assert REDACTED in redacted
    assert "s3cr3t" not in redacted.lower()


def test_our_own_keys_are_secrets() -> None:
    key = new_key()
    assert redact(f"no such key: {key}") == f"no such key: {REDACTED}"


@pytest.mark.parametrize(
    "text",
    [
        '{"code": 0, "message": "token expired, please log in", "data": null}',
        '{"usage": {"completion_tokens": 246840, "total_tokens": 246840}, "next_page_token": "0190"}',
        "Invalid token: authentication is required. Basic authentication has been disabled.",
        "https://platform.vidu.com/docs/errors#CreationPolicyViolation",
        "task-abcdefghijkl risk-assessment disk-usage-report asiatic-elephants akira",
        '{"err_code": "AuditSubmitIllegal", "state": "failed", "id": "921374927392734"}',
    ],
)
def test_what_explains_the_trouble_stays(text: str) -> None:
    assert redact(text) == text


def test_what_stands_around_a_secret_stays() -> None:
    body = {
        "creations": [{"id": "1", "url": f"https://cdn.test/a/1.mp4?sig={SECRET}", "cover_url": None}],
        "token": SECRET,
        "state": "success",
    }
    assert json.loads(redact(json.dumps(body))) == {
        "creations": [{"id": "1", "url": f"https://cdn.test/a/1.mp4?{REDACTED}", "cover_url": None}],
        "token": REDACTED,
        "state": "success",
    }


@given(st.text() | st.text(alphabet="htps:/?&=\\\"' \nsk-vda_tokenbear.1"))
def test_a_second_time_changes_nothing(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@pytest.mark.parametrize(
    "part", ["a-", "https:/", "https://a", "\\/", '"', "sk-", "eyJaaaaaaaa.", "x-", "token ", "Bearer a"]
)
def test_no_text_takes_long(part: str) -> None:
    text = part * (65_536 // len(part))
    before = process_time()
    redact(text)
    assert process_time() - before < 2
