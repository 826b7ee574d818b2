"""What a prompt can ask of the simulator: `[name]` or `[name:argument]`, anywhere in its text.

Of the task itself:
    [fail:CreationPolicyViolation]   it fails with that error code (without one: CreationPolicyViolation)
    [slow:30]                        its processing takes 30 seconds
    [odd-state:reviewing]            while processing, it is in a state that no documentation knows
    [moderation:2]                   number of moderation copies (1)
    [size:20]                        its video file is padded to 20 MB, and still plays

Faults (see `faults` for what each does), N times; without a number, every time:
    [429:N] [500:N] ... [lose:N]     of the submission, counted by prompt
    [refuse:CreditInsufficient]      the submission is refused with that error
    [expired:N] [nonsense:N]         of the query of this task
    [html:N] [short:N] [truncated:N] [cut:N] [no-length:N] [no-range:N]    of the download of its video
    [callback-lose:N] [callback-slow:N] [callback-twice:N] [callback-forged:N]    of the calls about this task
    [query-429:N] [query-cut:N] [query-lose:N] [submit-cut:N] [submit-nonsense:N] [media-503:N] ...
                                     the same words, where they are not at home

Several of them happen one after another, in the order written: `[429:1][500:1]` is a 429, a 500, then good.
Anything else in brackets is only text.
"""

import re
from dataclasses import dataclass

from local.simulator.faults import MEDIA_ONLY, Fault

_DIRECTIVE = re.compile(r"\[(?:(submit|query|media|callback)-)?([a-z]+(?:-[a-z]+)*|[45]\d\d)(?::([^\[\]]{1,100}))?\]")
_HOME = dict.fromkeys(("cut", *MEDIA_ONLY), "media") | {
    "expired": "query", "nonsense": "query", "lose": "submit", "refuse": "submit",
}  # fmt: skip


@dataclass(frozen=True)
class Directives:
    """What a prompt asks of the simulator."""

    fail: str = ""
    takes: float | None = None
    odd_state: str = ""
    moderation: int = 1
    megabytes: int = 0
    faults: tuple[Fault, ...] = ()


def read_directives(prompt: str) -> Directives:
    fail, odd_state, takes, moderation, megabytes = "", "", None, 1, 0
    faults: list[Fault] = []
    for place, name, argument in _DIRECTIVE.findall(prompt):
        match name:
            case "fail":
                fail = argument or "CreationPolicyViolation"
            case "odd-state":
                odd_state = argument or "reviewing"
            case "slow" if argument.isdecimal() and not place:
                takes = min(float(argument), 30 * 86400.0)
            case "moderation" if argument.isdecimal():
                moderation = min(int(argument), 9)
            case "size" if argument.isdecimal():
                megabytes = min(int(argument), 2000)
            case _:
                faults += _fault(place, name, argument)
    return Directives(fail, takes, odd_state, moderation, megabytes, tuple(faults))


def _fault(place: str, name: str, argument: str) -> list[Fault]:
    on = place or ("submit" if name.isdecimal() else _HOME.get(name, ""))
    try:
        if name == "refuse":
            return [Fault(on, name, reason=argument)]
        return [Fault(on, name, times=int(argument) if argument else None)]
    except ValueError:
        return []
