"""`reelkeep up`: the local cloud in the foreground, until Ctrl-C."""

from __future__ import annotations

import json
import time
from dataclasses import asdict

from local import cloud, providers
from local.stack import Stack


def up(plan: cloud.Plan, *, as_json: bool = False) -> None:
    with cloud.running(plan) as running:
        print(json.dumps(asdict(running.stack)) if as_json else welcome(running.stack, plan), flush=True)
        while True:
            running.require_running()
            time.sleep(0.5)


def simulator(url: str) -> str:
    """Which providers it is."""
    lines = (f"  {name:<19}{', '.join(each['models'])}" for name, each in providers.simulator(url).items())
    return f"""
The simulator is a provider in every dialect. A task goes to the one that has its
model, any other model to the first, and "provider": "vidu_v1" in a task names
one, in whatever dialect.

{chr(10).join(lines)}
"""


def welcome(stack: Stack, plan: cloud.Plan) -> str:
    return f"""
Reelkeep is up. Ctrl-C stops it, and the next time goes on from there.

  console   {stack.console_url}
  API       {stack.api_url}
  docs      {stack.api_url}/docs
  key       {stack.api_key}
  archive   {stack.archive}
  provider  {stack.provider}
  logs      {plan.logs}
{"" if plan.providers_file else simulator(stack.provider)}
  curl {stack.api_url}/tasks \\
       -H 'authorization: Token {stack.api_key}' \\
       -H 'content-type: application/json' \\
       -d '{{"kind": "text2video", "model": "viduq2", "duration": 4,
            "prompt": "a kite over the sea"}}'
"""
