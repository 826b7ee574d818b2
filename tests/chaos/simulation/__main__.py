"""python -m tests.chaos.simulation --seed 7 --tasks 10000"""

from __future__ import annotations

import sys
from argparse import ArgumentParser

from tests.chaos import simulation


def main() -> int:
    parser = ArgumentParser(prog="python -m tests.chaos.simulation", description=simulation.__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--watch", type=int, help="the number of a task of which all is told")
    arguments = parser.parse_args()
    report = simulation.simulate(arguments.seed, arguments.tasks, arguments.watch)
    print(report)
    return 1 if report.wrong else 0


sys.exit(main())
