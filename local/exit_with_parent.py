"""Runs a program for as long as whoever started us wants it.

The parent holds our standard input open. When it closes, we ask the program to end. It also closes when the
process at its other end is killed. So nothing outlives the local cloud, whatever becomes of it, and the
emulator gets the time to write down its state.

    python -I exit_with_parent.py PROGRAM [ARGUMENT ...]
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

GRACE_SECONDS = 15.0


def main(command: list[str]) -> None:
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def report_end() -> None:
        status = program.wait()
        os._exit(status if status >= 0 else 128 - status)

    threading.Thread(target=report_end).start()
    while os.read(0, 4096):
        pass
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)  # we lead a group: what the program started ends with it
    try:
        program.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        program.kill()


if __name__ == "__main__":
    main(sys.argv[1:])
