"""README.md and OPERATING.md name only what there is."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from admin.commands import parser
from reelkeep.adapters.s3.archive import LARGEST
from reelkeep.dialects.dialect import LARGEST_BODY
from reelkeep.domain import schedule
from reelkeep.domain.notices import webhooks

ROOT = Path(__file__).parents[2]
GUIDES = {name: (ROOT / name).read_text() for name in ("README.md", "OPERATING.md")}
TEMPLATE = (ROOT / "template.yaml").read_text()


@pytest.fixture(params=list(GUIDES.values()), ids=list(GUIDES))
def guide(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    return next((dict(each.choices) for each in parser._actions if isinstance(each.choices, dict)), {})


def test_every_command_for_make_is_a_target(guide: str) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^\$ )make ([a-z0-9-]+)", guide, re.MULTILINE))
    assert named
    assert named - targets == set()


def test_every_command_of_the_operator_and_its_options_exist(guide: str) -> None:
    groups = _commands(parser())
    named = list(_of_the_operator(guide))
    assert named
    for group, command, options in named:
        known = _commands(groups[group])[command]._option_string_actions
        assert set(options) - known.keys() == set(), (group, command)


def _of_the_operator(guide: str) -> Iterator[tuple[str, str, list[str]]]:
    for line in re.findall(r"python -m admin ([a-z][^`#]*)", guide):
        yield (*line.split()[:2], re.findall(r"--[a-z-]+", line))


def test_every_link_leads_somewhere(guide: str) -> None:
    headings = {
        re.sub(r"[^a-z0-9 -]", "", each.lower()).replace(" ", "-")
        for each in re.findall(r"^#+ (.+)$", guide, re.MULTILINE)
    }
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", guide):
        assert (link[1:] in headings) if link.startswith("#") else (ROOT / link).is_file(), link


def test_every_output_that_is_named_is_the_templates(guide: str) -> None:
    _, outputs = TEMPLATE.split("\nOutputs:\n")
    named = set(re.findall(r"`([A-Z][A-Za-z]+(?:Arn|QueueUrl|ApiUrl))`", guide))
    assert named - set(re.findall(r"^  (\w+):$", outputs, re.MULTILINE)) == set()


def test_every_alarm_is_in_the_guide_for_operators() -> None:
    alarms = re.findall(r"^  (\w+)Alarm:\n    Type: AWS::CloudWatch::Alarm", TEMPLATE, re.MULTILINE)
    told = GUIDES["OPERATING.md"].split("## Keys and secrets")[0]
    assert len(alarms) == 8
    assert [each for each in alarms if each.removeprefix("Executions") not in told] == []
    assert "eight alarms" in GUIDES["OPERATING.md"]


def test_the_limits_are_as_the_guide_says() -> None:
    assert (LARGEST_BODY, LARGEST["video"], LARGEST["image"]) == (5 << 20, 10 << 30, 256 << 20)
    assert (schedule.ORDINARY.total_seconds(), schedule.OFF_PEAK.total_seconds()) == (2 * 3600, 49 * 3600)
    assert webhooks.MOST == 20
    for said in ("5 MiB", "10 GiB, 256 MiB", "2 hours; off-peak 49 hours", "20 each"):
        assert said in GUIDES["OPERATING.md"]
