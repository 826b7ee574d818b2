"""What the simulator remembers across restarts: its tasks, its clock, the key of its links."""

import json
import sqlite3
from pathlib import Path

from local.simulator.tasks import Task, from_json, to_json

_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS task (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class Store:
    """Written at every change; read once, at the start. Without a directory nothing outlives it."""

    def __init__(self, directory: Path | None = None) -> None:
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
        file = directory / "simulator.sqlite3" if directory is not None else ":memory:"
        # Opened by the thread that starts the program, used by the one that serves, never by both at once.
        self._db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._db.executescript(_SCHEMA)

    def tasks(self) -> list[Task]:
        return [from_json(json.loads(body)) for (body,) in self._db.execute("SELECT body FROM task ORDER BY id")]

    def keep(self, task: Task) -> None:
        self._db.execute("INSERT OR REPLACE INTO task VALUES (?, ?)", (task.id, json.dumps(to_json(task))))

    def fact(self, name: str, otherwise: str) -> str:
        """The remembered value; `otherwise` is remembered if there is none."""
        self._db.execute("INSERT OR IGNORE INTO fact VALUES (?, ?)", (name, otherwise))
        row = self._db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return str(row[0])

    def remember(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))

    def close(self) -> None:
        self._db.close()
