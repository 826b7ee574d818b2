"""When a provider's link dies, read from the link itself: what their pages say of it is not always so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

_SIGNERS = ("amz", "tos", "goog", "oss")  # x-…-date and x-…-expires: S3 and its relatives


def link_expiry(url: str) -> datetime | None:
    """The moment after which the link is refused, or None if the link does not say.

    Understood are S3's query signature (X-Amz-Date + X-Amz-Expires) and its relatives at Volcengine, Google
    and Alibaba, and a plain Expires in seconds since 1970 (CloudFront, and S3's older signature).
    """
    try:
        query = {name.lower(): value for name, value in reversed(parse_qsl(urlsplit(url).query))}
        for signer in _SIGNERS:
            if f"x-{signer}-date" in query and f"x-{signer}-expires" in query:
                signed_at = datetime.strptime(query[f"x-{signer}-date"], "%Y%m%dT%H%M%S%z")
                return signed_at.astimezone(UTC) + timedelta(seconds=int(query[f"x-{signer}-expires"]))
        return datetime.fromtimestamp(int(query["expires"]), UTC) if "expires" in query else None
    except (ValueError, OverflowError, OSError):  # a link that nobody can read says nothing
        return None
