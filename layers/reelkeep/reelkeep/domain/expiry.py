"""When a provider's link expires, as the link itself says. The providers' documentation is not always right."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

_SIGNERS = ("amz", "tos", "goog", "oss")  # x-…-date and x-…-expires: S3 and its relatives


def link_expiry(url: str) -> datetime | None:
    """The time after which the link is refused, or None if the link does not say.

    Understands S3's query signature (X-Amz-Date + X-Amz-Expires) and those of Volcengine, Google and Alibaba; a plain
    Expires in seconds since 1970 (CloudFront, and S3's older signature); and the custom policy of CloudFront.
    """
    try:
        query = {name.lower(): value for name, value in reversed(parse_qsl(urlsplit(url).query))}
        for signer in _SIGNERS:
            if f"x-{signer}-date" in query and f"x-{signer}-expires" in query:
                signed_at = datetime.strptime(query[f"x-{signer}-date"], "%Y%m%dT%H%M%S%z")
                return signed_at.astimezone(UTC) + timedelta(seconds=int(query[f"x-{signer}-expires"]))
        moment = query.get("expires") or (_policys_end(query["policy"]) if "policy" in query else None)
        return datetime.fromtimestamp(int(moment), UTC) if moment is not None else None
    except (ValueError, TypeError, LookupError, OverflowError, OSError, RecursionError):
        return None


def _policys_end(policy: str) -> int | str:
    """Source: the CloudFront developer guide, "Create a signed URL using a custom policy"."""
    document = base64.b64decode(policy.translate(str.maketrans("-_~", "+=/")))
    found: int | str = json.loads(document)["Statement"][0]["Condition"]["DateLessThan"]["AWS:EpochTime"]
    return found
