"""Takes secrets out of a text that was written elsewhere, so that it may be kept for diagnosis."""

from __future__ import annotations

import re

REDACTED = "[redacted]"

_QUOTE = r"\\*[\"']"  # also within JSON that is a string of JSON
_END = r"\s\"'<>\\"
# Names are compared whole: a "total_tokens" or a "page_token" is no secret.
_SECRET_NAME = (
    r"(?:proxy-)?authorization|(?:set-)?cookie|(?:[a-z]+[-_])*api[-_]?key|(?:access|secret|private)[-_]?key(?:[-_]?id)?"
    r"|(?:access|refresh|auth|session|security|id|client)?[-_]?(?:token|secret)|passw(?:or)?d|signature|credentials?"
)

_PATTERNS = (
    # The query of any address: signatures go by too many names to list. Slashes may be escaped, as PHP does.
    (re.compile(rf"(https?:(?:\\?/){{2}}[^{_END}?#]*(?:\\/[^{_END}?#]*)*\?)[^{_END}]+(?:\\u[0-9a-f]{{4}}[^{_END}]*)*", re.I), r"\1"),
    # A user and password before the host.
    (re.compile(rf"(https?:(?:\\?/){{2}})[^{_END}/@]+(?=@)", re.I), r"\1"),
)
