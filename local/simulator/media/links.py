"""Signed links that die, in the dress of S3's pre-signed URLs (SigV4 query parameters), or of CloudFront's."""

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
            "X-Amz-Credential": f"SIMULATOR/{moment:%Y%m%d}/local/s3/aws4_request",
            "X-Amz-Date": moment.strftime(_DATE),
            "X-Amz-Expires": str(lifetime),
            "X-Amz-SignedHeaders": "host",
        }
        signature = self._signature(path, query["X-Amz-Date"], query["X-Amz-Expires"])
        return f"{path}?{urlencode(query | {'X-Amz-Signature': signature})}"

    def sign_as_cloudfront(self, path: str, *, now: float, lifetime: int) -> str:
        expires = str(int(now) + lifetime)
        query = {"Expires": expires, "Signature": self._signature(path, "", expires), "Key-Pair-Id": "SIMULATOR"}
        return f"{path}?{urlencode(query)}"

    def verdict(self, path: str, query: Mapping[str, str], *, now: float) -> Verdict:
        date, expires = query.get("X-Amz-Date", ""), query.get("X-Amz-Expires", query.get("Expires", ""))
        given = query.get("X-Amz-Signature", query.get("Signature", ""))
        if not hmac.compare_digest(self._signature(path, date, expires).encode(), given.encode()):
            return "forged"
        signed_at = datetime.strptime(date, _DATE).replace(tzinfo=UTC).timestamp() if date else 0.0
        return "good" if now < signed_at + int(expires) else "expired"

    def _signature(self, path: str, date: str, expires: str) -> str:
        signed = f"{path}\n{date}\n{expires}".encode()
        return hmac.new(self._secret, signed, hashlib.sha256).hexdigest()
