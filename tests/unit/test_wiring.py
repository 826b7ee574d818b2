"""Each function can be wired from the variables that the template gives it, and asks AWS nothing for that."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml


class Loader(yaml.SafeLoader):
    """With CloudFormation's short tags as what they stand for."""


def tagged(loader: Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {tag: loader.construct_scalar(node)}
    return {tag: loader.construct_sequence(node, deep=True) if isinstance(node, yaml.SequenceNode) else None}


Loader.add_multi_constructor("!", tagged)
TEMPLATE: dict[str, Any] = yaml.load((Path(__file__).parents[2] / "template.yaml").read_text(), Loader=Loader)
USUAL: dict[str, Any] = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
FUNCTIONS: dict[str, dict[str, Any]] = {
    each["Properties"]["CodeUri"].split("/")[1]: each["Properties"].get("Environment", {}).get("Variables", {})
    for each in TEMPLATE["Resources"].values()
    if each["Type"] == "AWS::Serverless::Function"
}


def value(name: str, said: Any) -> str:
    """A parameter's default, or anything that looks like what a resource is known by."""
    named = said.get("Ref", "") if isinstance(said, dict) else ""
    if named in TEMPLATE["Parameters"]:
        return str(TEMPLATE["Parameters"][named].get("Default", ""))
    known_by = "arn:aws:service:us-east-1:000000000000:resource" if name.endswith("_ARN") else "https://keep.test"
    return known_by if isinstance(said, dict) else str(said)


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_a_function_is_wired_from_the_variables_of_the_template_alone(
    function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, said in {**USUAL, **FUNCTIONS[function]}.items():
        monkeypatch.setenv(name, value(name, said))
    monkeypatch.delenv("AWS_CA_BUNDLE")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody's")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nobody's")
    wiring = importlib.import_module(f"reelkeep.wiring.{function}")
    assert wiring.build() is not None
