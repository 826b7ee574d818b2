"""`make up`: the local cloud in the foreground, until Ctrl-C."""

from __future__ import annotations

import time

from local import cloud
from local.stack import Stack


def up(plan: cloud.Plan) -> None:
    with cloud.running(plan) as running:
        print(welcome(running.stack, plan), flush=True)
        while True:
            running.require_running()
            time.sleep(0.5)


def welcome(stack: Stack, plan: cloud.Plan) -> str:
    return f"""
Reelkeep is up. Ctrl-C stops it, and the next `make up` goes on from there.

  API       {stack.api_url}
  key       {stack.api_key}
  archive   {stack.archive}
  provider  {stack.provider}
  logs      {plan.logs}

  curl {stack.api_url}/tasks -H 'authorization: Token {stack.api_key}' \\
       -H 'content-type: application/json' \\
       -d '{{"kind": "text2video", "model": "viduq2", "prompt": "a kite over the sea", "duration": 4}}'
"""
