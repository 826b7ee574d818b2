from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable
from time import process_time
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkeep.domain.keys import new_key
from reelkeep.domain.redaction import REDACTED, redact
from tests.for_each import for_each

SECRET = "s3cr3tS3cr3t-_s3cr3t"


@for_each(
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
        f"whsec_{SECRET}",
        f"webhook-signature: v1,{SECRET}=",
        f"https%3A%2F%2Fcdn.test%2F1.mp4%3FX-Amz-Signature%3D{SECRET}",
        f"x-amz-signature%253D{SECRET}",
        f'{{"link": "api_key\\u003d{SECRET}"}}',
        f'{{"seen": "no\\nBearer {SECRET}"}}',
        f'{{"seen": "Authorization: Basic ab12\\/{SECRET}"}}',
        f"key=abcvda_{SECRET}",
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
def test_what_explains_the_error_stays(text: str) -> None:
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


LETTERS = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
tokens = st.builds(lambda random: f"{random[:12]}7{random[12:]}", st.text(LETTERS, min_size=30, max_size=50))
NAMES = ["api_key", "apiKey", "token", "access_token", "Authorization", "secret", "client_secret", "password"]
NAMES += ["SecretAccessKey", "X-Amz-Security-Token", "signature", "x-api-key", "webhook-signature"]
HEADERS = ["Authorization: ", "authorization: Token ", "Proxy-Authorization: Bearer ", "X-API-Key: ", "Cookie: a="]
HEADERS += ["webhook-signature: v1,", "X-HMAC-SIGNATURE: ", "x-auth-token: "]
SIGNED = ["X-Amz-Signature", "X-Tos-Signature", "Signature", "sig", "token", "Policy", "auth_key", "OSSAccessKeyId"]


def in_base64(token: str) -> str:
    return b64encode(f"??>>{token}".encode()).decode()  # which has slashes and pluses


@st.composite
def with_a_secret(draw: st.DrawFn) -> tuple[str, str]:
    """The secret, and the words that hold it, as somebody writes them who does not think of us."""
    secret = draw(tokens | tokens.map(in_base64))
    word = r"[\w-]+"
    plain = [f"whsec_{secret}", *(f"{scheme} {secret}" for scheme in ("Bearer", "bearer", "Token", "Basic"))]
    if re.fullmatch(word, secret):
        plain += [f"vda_{secret}", f"sk-{secret}", f"rk_{(secret * 2)[:43]}", f"eyJ{secret}.{secret}.{secret}"]
    address = f"https://cdn.test/a/1.mp4?Expires=1&{draw(st.sampled_from(SIGNED))}={quote(secret)}&x=1"
    named = draw(st.sampled_from(NAMES))
    said = draw(
        st.sampled_from(
            [
                *plain,
                address,
                f"https://{secret.replace('/', '_')}@cdn.test/1.mp4",
                draw(st.sampled_from(HEADERS)) + secret,
                json.dumps({named: secret, "url": "https://cdn.test"}),
                json.dumps([{"a": {named: secret}}]),
                f"{named}={secret}",
            ]
        )
    )
    return secret, said


ESCAPES: list[Callable[[str], str]] = [
    lambda text: text,
    lambda text: json.dumps({"message": text}),
    lambda text: json.dumps({"message": text}).replace("/", "\\/"),  # PHP
    lambda text: json.dumps({"message": text}).translate({ord(c): f"\\u{ord(c):04x}" for c in "=<>&'"}),  # Gson
    lambda text: quote(text, safe=""),
    lambda text: quote(text),
    lambda text: f"https://gateway.test/fetch/{quote(text, safe='')}",
]


@given(
    with_a_secret(),
    st.lists(st.sampled_from(ESCAPES), max_size=3),
    st.text(max_size=20),
    st.sampled_from([" ", "\n", "\t", "(", ": ", "", "\r\n", ", "]),
    st.sampled_from([" ", "\n", ",", '"', ")", "'", "\r\n", ""]),
    st.text(max_size=20),
)
def test_whatever_stands_around_a_secret_nothing_of_it_is_left(
    said: tuple[str, str],
    escapes: list[Callable[[str], str]],
    before: str,
    begin: str,
    end: str,
    after: str,
) -> None:
    secret, words = said
    text = (before + begin if begin else "") + words + (end + after if end else "")
    for escape in escapes:
        text = escape(text)
    left = redact(text)
    for _ in range(4):
        assert secret[-20:-4] not in left
        assert secret[4:20] not in left
        left = unquote(left).replace("\\/", "/")


@given(st.text() | st.text(alphabet="htps:/?&=\\\"' \nsk-vda_tokenbear.1"))
def test_a_second_time_changes_nothing(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@for_each(
    "part", ["a-", "https:/", "https://a", "\\/", "\\", "%25", '"', "sk-", "eyJaaaaaaaa.", "x-", "token ", "Bearer a"]
)
def test_eight_times_the_text_takes_about_eight_times_as_long(part: str) -> None:
    """Where it took the square of its length, this would be 64 times."""

    def seconds(length: int) -> float:
        text, before = part * (length // len(part)), process_time()
        redact(text)
        return process_time() - before

    one = min(seconds(4096) for _ in range(3))
    assert any(seconds(8 * 4096) < 24 * one for _ in range(3))  # a busy machine may take long, and not each time
