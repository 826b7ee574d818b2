"""What the tests of the template read it by."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
SECRETS = {
    "PROVIDERS_SECRET_ARN": "ProvidersSecret",
    "LINK_SECRET_ARN": "LinkSecret",
    "WEBHOOK_SECRET_ARN": "WebhookSecret",
}


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: each.get("Properties", {}) for name, each in resources.items() if each["Type"] == kind}


def statements(properties: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for policy in properties["Policies"]:
        yield from policy["Statement"]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


TRANSLATE = """
import json, sys
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
json.dump([Translator({}, Parser()).translate(each, {})["Resources"] for each in json.load(sys.stdin)], sys.stdout)
"""


def translated(template: dict[str, Any], ways: list[str]) -> list[dict[str, Any]]:
    """The resources that CloudFormation is given, by SAM's own translation, for each way of taking over."""
    built = copy.deepcopy(template)
    places = {"Function": "CodeUri", "LayerVersion": "ContentUri", "StateMachine": "DefinitionUri"}
    for kind, place in places.items():
        for properties in of_type(built["Resources"], f"AWS::Serverless::{kind}").values():
            properties[place] = "s3://bucket/key"
    templates = []
    for way in ways:
        built["Parameters"]["DeploymentPreference"]["Default"] = way
        templates.append(copy.deepcopy(built))
    done = subprocess.run(
        [ROOT / ".venv-cloud" / "bin" / "python", "-c", TRANSLATE],
        input=json.dumps(templates),
        env={"AWS_DEFAULT_REGION": "us-east-1"},
        check=True,
        capture_output=True,
        text=True,
    )
    return list(json.loads(done.stdout))
