"""Takes the secrets out of a text that was written elsewhere, so that it may be kept for diagnosis."""

from __future__ import annotations

import re
from functools import cache
from urllib.parse import unquote

REDACTED = "[redacted]"

_LAYERS = 3  # of escapes around a secret, one in another
_START = r"(?:(?<![\w-])|(?<=\\[bfnrt]))"  # also after a line's end that JSON wrote as \n
_QUOTE = r"(?<!\\)\\*[\"']"  # escaped, in JSON that is a string of JSON; looked for once in a row of backslashes
_QUOTED = r"(?:[^\"'\\]|\\(?![\"']))+"  # escapes such as \u0026 and \/ are part of it
_UNQUOTED = r"(?:[^\s\"'<>\\]|\\(?![\"']))+"
_HEADER = (
    r"(?:proxy-)?authorization|(?:set-)?cookie|(?:[a-z]+[-_])*api[-_]?key|x(?:-[a-z]+)*-token|(?:[a-z]+-)+signature"
)
# Names are compared whole: a "total_tokens" or a "next_page_token" is no secret.
_NAME = (
    rf"(?:{_HEADER}|(?:(?:access|refresh|auth|session|security|client|x-amz-security|x-tos-security)[-_]?)?token"
    r"|(?:access|private|secret)[-_]?(?:access[-_]?)?key(?:[-_]?id)?|(?:client[-_]?)?secret"
    r"|(?:\w+-)*(?:signature|credential)s?|sign|passw(?:or)?d)"
)
_CHARACTER = r"(?:[\w.~+/=:-]|\\+/)"
_BASE64 = r"(?:[\w+/=-]|\\+/)"

_PATTERNS = (
    # Any address's query: nobody can list how everybody signs. The bound keeps the time linear; the + after it gives
    # nothing back, since no part of what was taken can be the character that has to follow.
    r"(https?:(?:\\*/){2}(?:[^\s\"'<>?\\]|\\+/){0,1024}+\?)" + _UNQUOTED,
    r"(https?:(?:\\*/){2})[^\s\"'<>/?\\@]{1,256}+(?=@)",
    rf"({_QUOTE}{_NAME}{_QUOTE}\s*[:=]\s*{_QUOTE})" + _QUOTED,
    rf"({_START}(?:{_HEADER})\s*:\s*)(?!{_QUOTE})(?:[^\r\n\"'\\]|\\+/)+",
    rf"({_START}{_NAME}=)(?:[^\s&;,\"'<>\\]|\\+/)+",
    # Wherever they stand. A scheme is a word of ordinary sentences, too: a digit or great length shows a secret.
    rf"({_START}(?:bearer|basic|token)\s+)(?:(?={_CHARACTER}*\d){_CHARACTER}{{8,}}|{_CHARACTER}{{20,}})",
    rf"({_START})(?:vda_|rk_|sk[-_]|whsec_){_BASE64}{{6,}}",
    rf"()(?:vda_[\w-]{{16,}}|rk_[\w-]{{43}}|whsec_{_BASE64}{{16,}})",  # too long to be the end of a word
    rf"({_START})(?:akia|asia|aklt|ltai)[a-z0-9]{{12,}}",
    rf"({_START})eyj[\w-]{{8,}}\.[\w-]+\.[\w-]*",  # a JSON web token
)


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    """Compiled when they are first needed: that takes 10 ms of a cold start, and they are needed hardly ever."""
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in _PATTERNS)


def redact(text: str) -> str:
    """The text without keys, credentials, and the queries of addresses, which carry signatures.

    What hides a secret from the patterns, such as percent-encoding, is undone if there is one behind it.
    """
    redacted = plainer = _without_secrets(text)
    layers = 0
    while layers < _LAYERS and (unescaped := _unescaped(plainer)) != plainer:
        plainer, layers = unescaped, layers + 1
        if (found := _without_secrets(plainer)) != plainer:
            redacted, plainer, layers = found, found, 0
    return redacted


def _without_secrets(text: str) -> str:
    for pattern in _patterns():
        text = pattern.sub(rf"\g<1>{REDACTED}", text)
    return text


def _unescaped(text: str) -> str:
    """Without percent-encoding, and without such as \\u003d for =."""
    return unquote(re.sub(r"(?<!\\)\\+u00([2-7][0-9a-fA-F])", lambda found: chr(int(found[1], 16)), text))
