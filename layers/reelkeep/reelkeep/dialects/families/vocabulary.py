"""The words in which providers say how a task is doing and what went wrong with it, whatever their format.

A status is compared without regard to case, blanks, hyphens and underscores. One that is not here is not the end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain
from types import MappingProxyType

from reelkeep.domain.task import FailureClass, State

Codes = Mapping[FailureClass, str]  # a regular expression for each class, in any case; the first that is found counts

_STATUSES: dict[State | FailureClass, str] = {
    State.QUEUEING: "created creating queued queueing queuing queue inqueue enqueued pending submitted submitting "
    "scheduled accepted received waiting wait notstart notstarted starting preparing initializing",
    State.PROCESSING: "processing process inprocess running run inprogress progress generating working active "
    "started executing rendering preprocessing postprocessing notready videonotready",
    State.SUCCESS: "success succeed succeeded successful partialsuccess partiallysucceeded completed "
    "complete done finished finish ended ready available generated ok",
    FailureClass.PROVIDER: "failed fail failure error errored exception aborted interrupted unsuccessful "
    "unsuccess invalid",
    FailureClass.POLICY: "rejected blocked banned moderated contentmoderated requestmoderated contentfiltered nsfw",
    FailureClass.CANCELLED: "cancelled canceled cancel usercancelled usercanceled terminated deleted",
    FailureClass.EXPIRED: "expired expire timeout timedout",
}
_MEANINGS = {word: meaning for meaning, words in _STATUSES.items() for word in words.split()}

_CODES: Codes = {
    FailureClass.CANCELLED: r"user_?cancel|^cancell?ed$",
    FailureClass.POLICY: "policy|sensitive|moderation|safety|audit|risk.?(detect|control)|prompt_?blocked"
    "|image[a-z]*failed|敏感|违规|审核",
    FailureClass.THROTTLED: "rate.?limit|too.?many|throttl|quotaexceeded|overloaded|modelloading|operationinprocess",
    FailureClass.CREDIT: "credit|quota|balance|arrears|overdue|余额|额度|欠费",
    FailureClass.PROVIDER: "authentication|unauthorized|(access|operation)_?denied|modelnotopen"
    "|(api.?|invalid.?)(key|token)|invalid_?endpoint(?!ormodel)",
}
_INPUT_CODES: Codes = {  # a code that says so much needs no message to explain it
    FailureClass.INPUT: "^(field|image|face|(invalid|missing)parameter|invalidendpoint|modelunavailable|creationnot)"
}
_ABOUT_INPUT = re.compile(r"invalid|unsupported|required|parameter|bad.?request|conflict", re.IGNORECASE)
_TROUBLE = re.compile(
    r"internal|server_?error|service.?unavailable|bad.?gateway|time.?out|do_request_failed|^5\d\d\d?$", re.IGNORECASE
)
_SUCCESS = re.compile(r"success|succeed|^\W*ok\W*$|成功", re.IGNORECASE)
_NO_SUCCESS = re.compile(r"unsuccess|\bnot\b|n't\b|fail|error|[不未没]", re.IGNORECASE)
_NOT_THERE = re.compile(r"(?!invalidendpoint|model).*not_?(found|exist)", re.IGNORECASE)
_TASK_NOT_THERE = re.compile(r"\b(task|video|job|generation)\b.*\bnot.{0,3}(found|exist)", re.IGNORECASE)


def fold(word: str) -> str:
    return re.sub(r"^(task|status)+", "", re.sub(r"[\W_]+", "", word).lower())


def meaning_of(status: str) -> State | FailureClass | None:
    """How far the task is, with SUCCESS for done, or why it ended without a result; None for an unknown word."""
    return _MEANINGS.get(status) or _MEANINGS.get(fold(status))


def failure_class(code: str, message: str, codes: Codes = MappingProxyType({})) -> FailureClass | None:
    """What kind of failure an error is; None if neither its code nor its message says so.

    `codes` are those of one format alone, which go first. The message counts only where the code says nothing.
    """
    for text, tables in ((code, (codes, _CODES, _INPUT_CODES)), (message, (_CODES,))):
        for kind, pattern in chain.from_iterable(table.items() for table in tables):
            if re.search(pattern, text, re.IGNORECASE):
                return kind
        if is_trouble(text):
            return None
    return None


def is_about_input(text: str) -> bool:
    return bool(_ABOUT_INPUT.search(text)) and not is_trouble(text)


def is_trouble(text: str) -> bool:
    """Something went wrong at the provider, so it is not known how far the call came."""
    return bool(_TROUBLE.search(text))


def says_success(message: str) -> bool:
    return bool(_SUCCESS.search(message)) and not _NO_SUCCESS.search(message)


def is_absence(code: str, message: str) -> bool:
    """There is no such task."""
    return bool(_NOT_THERE.match(code) or _TASK_NOT_THERE.search(message))
