"""How a client wants a webhook to be: the body of a POST, and of a PATCH."""

from __future__ import annotations

import re

from reelkeep.dialects.dialect import Http
from reelkeep.dialects.reelkeep.problems import InvalidFields
from reelkeep.domain.notices.webhooks import TOLD, Form, Wish
from reelkeep.domain.task import State
from reelkeep.domain.wire import Json

_LARGEST_BODY = 16_384
LONGEST_URL = 2048
LONGEST_DESCRIPTION = 256
URL = r"^https?://[^\s/?#]\S*$"


def read(http: Http, *, required: bool) -> Wish:
    """Nothing is overlooked: a slip of the pen would tell what was not asked for, or not tell what was."""
    body = http.json(_LARGEST_BODY)
    fields = {
        "url": _url,
        "events": _events,
        "body": _form,
        "description": _description,
        "active": _active,
    }
    wrong = [(name, "is not a field of a webhook") for name in body if name not in fields]
    if required and "url" not in body:
        wrong.append(("url", "is required"))
    wrong += [(name, message) for name, check in fields.items() if name in body and (message := check(body[name]))]
    if wrong:
        raise InvalidFields(wrong[:100])
    return Wish(
        webhook_id=http.variables.get("webhook_id", ""),
        url=body.get("url"),
        states=tuple(map(State, body["events"])) if "events" in body else None,
        form=Form(body["body"]) if "body" in body else None,
        description=body.get("description"),
        active=body.get("active"),
    )


def _url(value: Json) -> str:
    if not isinstance(value, str) or not re.fullmatch(URL, value):
        return "must be an http(s) URL"
    return f"must not be longer than {LONGEST_URL} characters" if len(value) > LONGEST_URL else ""


def _events(value: Json) -> str:
    words = [state.value for state in TOLD]
    good = isinstance(value, list) and value and all(isinstance(each, str) and each in words for each in value)
    return "" if good and len(set(value)) == len(value) else f"must hold some of {', '.join(words)}, each once"


def _form(value: Json) -> str:
    return "" if isinstance(value, str) and value in list(Form) else f"must be one of {', '.join(Form)}"


def _description(value: Json) -> str:
    good = isinstance(value, str) and len(value) <= LONGEST_DESCRIPTION
    return "" if good else f"must be a text of {LONGEST_DESCRIPTION} characters at most"


def _active(value: Json) -> str:
    return "" if isinstance(value, bool) else "must be true or false"
