"""Reads the command line, runs one command, and turns what goes wrong into a sentence."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
)

from admin import archive, deploy, dlq, keys, owners, providers, stack, subscriptions
from reelkeep.domain.errors import ReelkeepError

ROOT = Path(__file__).parents[1]
GROUPS = (keys, owners, providers, archive, dlq, subscriptions, deploy)


def main(arguments: Sequence[str] | None = None, *, root: Path = ROOT) -> int:
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options, options.find(options, root)) or 0)
    except (ReelkeepError, stack.NotFound) as error:
        return failed(str(error))
    except ClientError as error:
        return failed(f"AWS refused: {error}")
    except NoRegionError:
        return failed("no region is set: say in AWS_REGION where the stack is, or use --local for that of `make up`")
    except NoCredentialsError:
        return failed(
            "there are no AWS credentials: set AWS_PROFILE or others, or use --local for the stack of `make up`"
        )
    except EndpointConnectionError as error:
        return failed(f"{error}{': is `make up` running?' if getattr(options, 'local', False) else ''}")
    except BotoCoreError as error:  # it says what
        return failed(str(error))


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m admin", description="Operates a Reelkeep: on AWS, or the one that `make up` runs here."
    )
    top.set_defaults(find=stack.find)  # what the command works on
    groups = top.add_subparsers(required=True, title="groups of commands", metavar="GROUP")
    for group in GROUPS:
        group.register(groups)
    return top


def failed(reason: str) -> int:
    print(f"error: {reason}", file=sys.stderr)
    return 1
