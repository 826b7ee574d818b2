"""The guides name only what exists."""

from __future__ import annotations

import functools
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import typer
from botocore import xform_name
from botocore.model import OperationModel

from benchmarks.cost import monthly
from cli.main import build
from reelkeep.adapters.s3.archive import LARGEST
from reelkeep.dialects import all_dialects
from reelkeep.dialects.dialect import LARGEST_BODY, LARGEST_IN_BASE64
from reelkeep.domain import schedule
from reelkeep.domain.notices import webhooks

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers" / "reelkeep" / "reelkeep"
PAGES = sorted(
    path.relative_to(ROOT)
    for pattern in ("*.md", "docs/**/*.md", "examples/*.md", "benchmarks/*.md", "tests/**/*.md", ".github/**/*.md")
    for path in ROOT.glob(pattern)
)
TEMPLATE = (ROOT / "template.yaml").read_text()
OPERATING = (ROOT / "docs/operating.md").read_text()


@pytest.fixture(params=PAGES, ids=str)
def page(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def _text(page: Path) -> str:
    return (ROOT / page).read_text()


def _code(text: str) -> list[str]:
    """What a page says in code: its `spans`, which may be broken into two lines, and the lines of its blocks."""
    parts = re.split(r"^ *```.*$", text, flags=re.MULTILINE)
    spans = re.findall(r"`([^`]+)`", " ".join(" ".join(parts[::2]).split()))
    return [*spans, *(line.strip() for block in parts[1::2] for line in block.splitlines())]


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


def test_every_command_for_make_is_a_target(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {found[1] for code in _code(_text(page)) if (found := re.match(r"(?:\$ )?make ([a-z0-9-]+)", code))}
    assert named - targets == set()


def test_every_command_and_its_options_exist(page: Path) -> None:
    top: Any = typer.main.get_command(build())
    for code in _code(_text(page)):
        for words in re.findall(r"(?:^|\$ |\| )reelkeep ([a-z-].*)", code):
            command, known = top, set[str]()
            for word in (each.strip("[]") for each in shlex.split(words, comments=True)):
                if hasattr(command, "commands"):
                    assert word in command.commands or word.startswith("-"), f"{page}: reelkeep {words}"
                    command = command.commands.get(word, command)
                    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
                elif word.startswith("-") and len(word) > 1:
                    assert word.partition("=")[0] in {*known, "--help"}, f"{page}: reelkeep {words}"


def test_every_command_of_awss_and_its_options_exist(page: Path) -> None:
    """By the models of AWS's own SDK. `aws s3` has none."""
    text = re.sub(r"\\\n *", " ", _text(page))  # what is broken into several lines, in one
    for service, operation, rest in re.findall(r"\baws ([a-z0-9-]+) ([a-z0-9-]+)(.*?)(?=\baws |[`…)]|$)", text, re.M):
        if service != "s3":
            model = _aws(service.removesuffix("api"))
            options = set(re.findall(r"(?<= )--(?:no-)?([a-z0-9-]+)", rest)) - {
                "query",
                "output",
                "region",
                "profile",
            }
            if operation == "wait":
                waiter, *_ = rest.split()
                operation = _waiters(service)[waiter]
            shape = model[operation].input_shape
            known = {xform_name(name, "-") for name in shape.members} if shape else set()
            assert options <= known, f"{page}: aws {service} {operation}{rest}"


@functools.cache
def _aws(service: str) -> dict[str, OperationModel]:
    model = botocore.session.get_session().get_service_model(service)
    return {xform_name(name, "-"): model.operation_model(name) for name in model.operation_names}


def _waiters(service: str) -> dict[str, str]:
    """The operation that each asks again and again."""
    model = botocore.session.get_session().get_waiter_model(service)
    return {xform_name(name, "-"): xform_name(model.get_waiter(name).operation, "-") for name in model.waiter_names}


def test_every_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", _text(page)):
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page} links to {link}, which is not there"
        assert not anchor or anchor in _anchors(target.read_text()), f"{page}: {link} has no such heading"


# Of those in the repository: what a run leaves in .local may or may not be there.
FOLDERS = "|".join(re.escape(path.name) for path in ROOT.iterdir() if path.is_dir() and path.name != ".local")


def test_every_file_that_is_named_exists(page: Path) -> None:
    named = {code for code in _code(_text(page)) if re.fullmatch(rf"(?:{FOLDERS})/[\w./-]+", code)}
    gone = {name for name in named if not (ROOT / name).exists()}
    assert not gone, f"{page} names {gone}: if it has moved, name its new place"


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_what_a_table_names_is_where_it_says(page: str) -> None:
    """In a column `where`, a file is followed by names that are in it."""
    places = list(_places(_text(Path(page))))
    assert len(places) >= 5
    gone = []
    for place in places:
        text = ""
        for code in _code(place):
            if re.search(r"/|\.(py|yaml|md)$", code):
                text = next((path.read_text() for root in (PACKAGE, ROOT) if (path := root / code).is_file()), "")
                exists = bool(text)
            else:
                exists = re.search(rf"\b{re.escape(code)}\b", text) is not None
            if not exists:
                gone.append(f"{code} ({place})")
    assert not gone, f"{page} names what is not there; name its new place: {gone}"


def _places(text: str) -> Iterator[str]:
    for table in re.findall(r"^\|.*\| where \|\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE):
        for row in table.splitlines():
            yield row.strip("| ").split(" | ")[-1]


def test_every_output_that_is_named_is_the_templates(page: Path) -> None:
    _, outputs = TEMPLATE.split("\nOutputs:\n")
    named = set(re.findall(r"`([A-Z][A-Za-z]+(?:Arn|QueueUrl|ApiUrl))`", _text(page)))
    assert named - set(re.findall(r"^  (\w+):$", outputs, re.MULTILINE)) == set()


def test_every_parameter_that_is_named_is_the_templates() -> None:
    parameters, _ = TEMPLATE.split("\nConditions:\n")
    known = set(re.findall(r"^  ([A-Z]\w+):$", parameters, re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"[Pp]arameters? `(\w+)`", _text(page))}
    assert named
    assert named - known == set()


def test_the_version_has_release_notes() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\n## [{version}]" in (ROOT / "CHANGELOG.md").read_text()


def test_every_alarm_is_in_the_guide_for_operators() -> None:
    alarms = re.findall(r"^  (\w+)Alarm:\n    Type: AWS::CloudWatch::Alarm", TEMPLATE, re.MULTILINE)
    listed = OPERATING.split("## Keys and secrets")[0]
    assert re.findall(r"^\| `(\w+)Alarm`", listed, re.MULTILINE) == alarms
    assert f"{len(alarms)} alarms" in OPERATING


def test_the_limits_are_as_the_guide_says() -> None:
    assert (f"{LARGEST_BODY / 2**20:.3f}", f"{LARGEST_IN_BASE64 / 2**20:.3f}") == ("5.969", "4.477")
    assert (LARGEST["video"], LARGEST["image"]) == (10 << 30, 256 << 20)
    assert (schedule.ORDINARY.total_seconds(), schedule.OFF_PEAK.total_seconds()) == (2 * 3600, 49 * 3600)
    assert webhooks.MAX_WEBHOOKS == 20
    for limit in ("5.9 MiB of JSON, 4.4 MiB", "10 GiB, 256 MiB", "2 hours; off-peak 49 hours", "20 each"):
        assert limit in OPERATING


def test_the_costs_of_a_month_follow_from_those_of_a_million_tasks() -> None:
    (million,) = re.findall(r"^\| all \| ([\d,]+) \|", OPERATING, re.MULTILINE)
    rows = monthly(float(million.replace(",", "")))
    assert "\n".join(rows) in _text(Path("docs/deploying.md"))
    _, tasks, standing, *_ = rows[-2].split(" | ")
    readme = " ".join(_text(Path("README.md")).split())
    assert f"[about ${float(standing):.0f} a month]" in readme
    assert f"${float(tasks):.0f} more for 10,000 videos" in readme


@pytest.mark.parametrize("page", ["README.md", "docs/api.md"])
def test_every_format_is_in_the_table(page: str) -> None:
    rows = " ".join(re.findall(r"^\|.*", _text(Path(page)), re.MULTILINE))
    assert {dialect.name for dialect in all_dialects()} - set(re.findall(r"`(\w+)`", rows)) == set()
