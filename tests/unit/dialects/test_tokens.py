from __future__ import annotations

import base64
import hashlib
import hmac
import json

from reelkeep.dialects.families.tokens import hs256


def test_a_token_is_three_parts_of_which_the_last_signs_the_others() -> None:
    head, claims, signature = hs256({"iss": "me", "exp": 1800}, "secret").split(".")
    said = [json.loads(base64.urlsafe_b64decode(part + "==")) for part in (head, claims)]
    assert said == [{"alg": "HS256", "typ": "JWT"}, {"iss": "me", "exp": 1800}]
    digest = hmac.digest(b"secret", f"{head}.{claims}".encode(), hashlib.sha256)
    assert base64.urlsafe_b64decode(signature + "==") == digest
    assert "=" not in signature
