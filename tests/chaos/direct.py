"""moto's services without the HTTP around them.

Most calls of a run go to these, and most of their time would go into making requests of them for moto, and answers
of what it finds. What moto refuses, it refuses in its own words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from botocore.awsrequest import AWSPreparedRequest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.responses import BaseResponse
from moto.core.utils import camelcase_to_underscores
from moto.dynamodb.responses import DynamoHandler
from moto.secretsmanager.responses import SecretsManagerResponse
from werkzeug.exceptions import HTTPException

HANDLERS: Final[Mapping[str, type[BaseResponse]]] = {
    "dynamodb": DynamoHandler,
    "secretsmanager": SecretsManagerResponse,
}


def answer(service: str, operation: str, request: AWSPreparedRequest, region: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and body."""
    assert isinstance(request.body, bytes)  # of JSON
    handler = HANDLERS[service]()
    handler.querystring, handler.response_headers = {}, {}
    handler.current_account, handler.region = DEFAULT_ACCOUNT_ID, region
    handler.body = handler.params = json.loads(request.body)
    handler.uri_match = {}
    handler.automated_parameter_parsing = True  # which this is instead of
    try:
        found = getattr(handler, camelcase_to_underscores(operation))()
    except HTTPException as error:
        return error.code or 500, {}, error.description or ""
    return 200, {}, found if isinstance(found, str) else json.dumps(found.result)
