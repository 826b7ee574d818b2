"""Signed links that die, in the dress of S3's pre-signed URLs (SigV4 query parameters)."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlencode

Verdict = Literal["good", "expired", "forged"]

_DATE = "%Y%m%dT%H%M%SZ"


class Links:
    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def sign(self, path: str, *, now: float, lifetime: int) -> str:
        """`path` with a query that is good from `now` on for `lifetime` seconds."""
        moment = datetime.fromtimestamp(now, UTC)
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"STUDIO/{moment:%Y%m%d}/local/s3/aws4_request",
            "X-Amz-Date": moment.strftime(_DATE),
            "X-Amz-Expires": str(lifetime),
            "X-Amz-SignedHeaders": "host",
        }
        signature = self._signature(path, query["X-Amz-Date"], query["X-Amz-Expires"])
        return f"{path}?{urlencode(query | {'X-Amz-Signature': signature})}"

    def verdict(self, path: str, query: Mapping[str, str], *, now: float) -> Verdict:
        date, expires = query.get("X-Amz-Date", ""), query.get("X-Amz-Expires", "")
        expected = self._signature(path, date, expires)
        if not hmac.compare_digest(expected.encode(), query.get("X-Amz-Signature", "").encode()):
            return "forged"
        signed_at = datetime.strptime(date, _DATE).replace(tzinfo=UTC).timestamp()
        return "good" if now < signed_at + int(expires) else "expired"

    def _signature(self, path: str, date: str, expires: str) -> str:
        signed = f"{path}\n{date}\n{expires}".encode()
        return hmac.new(self._secret, signed, hashlib.sha256).hexdigest()
