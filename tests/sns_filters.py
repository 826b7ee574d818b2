"""What SNS does with a filter policy of scope MessageAttributes, as its documentation has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def admits(policy: Mapping[str, Sequence[Any]], attributes: Mapping[str, str | Sequence[str]]) -> bool:
    """Every key of the policy, by any of its values; of an attribute that is an array, any part counts."""
    return all(
        any(_fits(rule, value) for rule in rules for value in _values(attributes.get(name, ())))
        for name, rules in policy.items()
    )


def _values(attribute: str | Sequence[str]) -> Sequence[str]:
    return [attribute] if isinstance(attribute, str) else attribute


def _fits(rule: Any, value: str) -> bool:
    return value.startswith(rule["prefix"]) if isinstance(rule, dict) else value == rule
