"""Days of bad luck: many tasks, in all dialects, at all kinds of providers, with everything going wrong at random.

The services and dialects are the real ones, and so is the simulator; the cloud is played by hand, so that a day takes
seconds. Everything that is random comes from one seed, so any run can be had again:

    PYTHONPATH=layers/reelkeep:. python -m tests.chaos.simulation --seed 7 --tasks 10000

With `--watch 42` it tells all that happens to task 42 of that run.

    world      time, chance, and what is to happen when
    cloud      what AWS keeps: the table, the bucket, executions, the topic; it refuses, loses answers, kills
    provider   the way to the providers and what they do there: faults, lists that lag, calls about tasks
    odd        times of wrong clocks, rows of lists that are none, words in another form
    stack      the functions on all of that, the state machine that runs them, the sweep
    people     clients, and others who use the same accounts without us
    checks     what must hold at every moment and in the end
"""

from tests.chaos.simulation.run import simulate

__all__ = ["simulate"]
