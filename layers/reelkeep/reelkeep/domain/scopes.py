"""What a key is good for. Each route of the API needs one of these."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    READ = "read"  # whatever is its owner's
    SUBMIT = "submit"  # what costs money
    MANAGE = "manage"  # to cancel, label, hide and erase tasks; webhooks, subscriptions and keys
    OPERATE = "operate"  # what concerns all owners


USUAL = frozenset({Scope.READ, Scope.SUBMIT, Scope.MANAGE})  # of a key that says nothing else
