"""Faults: what goes wrong, where, and how many times.

They come from a prompt (see `script`) or from `PUT /simulator/faults`, which replaces the global list:

    {"faults": [{"on": "submit", "do": "429", "times": 2, "retry_after": 3},
                {"on": "submit", "do": "lose", "times": 1, "seconds": 30},
                {"on": "media", "do": "cut"}]}

`on`     submit, query, list, cancel, credits, media, callback
`do`     a status 400..599        refused with it, nothing is done (429 and 503 carry Retry-After)
         refuse                   refused with the provider's error named `reason`, nothing is done
         slow                     answered after `seconds` (5)
         cut                      connection reset: before anything is done; of media, half-way
         lose                     done (a submission is billed); after `seconds` (0) connection reset
         nonsense                 done, but the 200 carries no JSON
         expired       (query)    the links in the answer are dead on arrival
         no-payload    (list)     the items do not carry `payload`
         html          (media)    a 200 with an HTML page
         short         (media)    Content-Length promises more than comes; the connection is closed in order
         truncated     (media)    half the file; the headers agree with it (but for the ETag)
         no-length     (media)    chunked, no Content-Length
         no-range      (media)    Range is ignored
         lose      (callback) it is never made
         slow      (callback) it is made after `seconds` (5), so that a later one may come first
         twice     (callback) it is made twice at once
         forged    (callback) it is signed with another key
`times`  how often; left out, it lasts until it is deleted

One request meets one fault: those of its prompt in the order written, then the global ones. Counts are kept
in memory, for submissions by prompt, for the rest by task.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

PLACES = frozenset({"submit", "query", "list", "cancel", "credits", "media", "callback"})
ANYWHERE = frozenset({"refuse", "slow", "cut", "lose", "nonsense"})
CALLBACKS = frozenset({"lose", "slow", "twice", "forged"})
MEDIA_ONLY = frozenset({"html", "short", "truncated", "no-length", "no-range"})


@dataclass(frozen=True)
class Fault:
    on: str
    do: str
    times: int | None = None
    reason: str = ""
    seconds: float | None = None
    retry_after: int | None = 1

    def __post_init__(self) -> None:
        if self.on not in PLACES:
            raise ValueError(f"on: {self.on!r} is none of {', '.join(sorted(PLACES))}")
        if not ((self.status and self.on != "callback") or self.do in self._known()):
            raise ValueError(f"do: {self.do!r} is not something that can happen on {self.on}")
        if self.do == "refuse" and not self.reason:
            raise ValueError("reason: to refuse needs one")
        if self.times is not None and self.times < 1:
            raise ValueError("times: at least 1, or left out")
        if self.seconds is not None and not 0 <= self.seconds <= 3600:
            raise ValueError("seconds: between 0 and 3600")

    @property
    def status(self) -> int:
        return int(self.do) if self.do in _STATUSES else 0

    def _known(self) -> frozenset[str]:
        match self.on:
            case "media":
                return MEDIA_ONLY | {"cut", "slow"}
            case "callback":
                return CALLBACKS
            case "query":
                return ANYWHERE | {"expired"}
            case "list":
                return ANYWHERE | {"expired", "no-payload"}
            case _:
                return ANYWHERE


_STATUSES = frozenset(str(code) for code in range(400, 600))
_TYPES: dict[str, type | tuple[type, ...]] = {
    "on": str, "do": (str, int), "times": (int, type(None)), "reason": str,
    "seconds": (int, float, type(None)), "retry_after": (int, type(None)),
}  # fmt: skip


class Faults:
    """The global list, and how often each fault has happened."""

    def __init__(self) -> None:
        self._global: list[Fault] = []
        self._happened: Counter[tuple[object, Fault]] = Counter()

    def replace(self, faults: Iterable[Fault]) -> None:
        self._global = list(faults)
        self._happened = Counter({key: n for key, n in self._happened.items() if not isinstance(key[0], int)})

    def listing(self) -> list[dict[str, Any]]:
        return [asdict(f) | {"happened": self._happened[n, f]} for n, f in enumerate(self._global)]

    def take(self, on: str, *, directed: Iterable[Fault] = (), whose: str = "") -> Fault | None:
        """The fault that this request meets, now counted. `whose`: what directed ones are counted by."""
        numbered = [(whose, fault) for fault in directed] + list(enumerate(self._global))
        for key in numbered:
            fault = key[1]
            if fault.on == on and (fault.times is None or self._happened[key] < fault.times):
                self._happened[key] += 1
                return fault
        return None


def fault_from_json(value: object) -> Fault:
    """ValueError says what is wrong with it."""
    if not isinstance(value, dict):
        raise ValueError("a fault is an object")
    for name, given in value.items():
        if name not in _TYPES:
            raise ValueError(f"{name}: unknown")
        if not isinstance(given, _TYPES[name]) or isinstance(given, bool):
            raise ValueError(f"{name}: wrong type")
    if missing := {"on", "do"} - value.keys():
        raise ValueError(f"{', '.join(sorted(missing))}: missing")
    return Fault(**{**value, "do": str(value["do"])})
