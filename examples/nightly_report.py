"""Report on a day: what was kept and how big it is, what failed and why, what it cost. For cron and a pipe to mail.

Run: pip install httpx, then python examples/nightly_report.py [2026-11-21] (yesterday otherwise; days are in UTC)
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import httpx

day = date.fromisoformat(sys.argv[1]) if sys.argv[1:] else datetime.now(UTC).date() - timedelta(days=1)
api = httpx.Client(
    base_url=os.environ["REELKEEP_URL"],
    headers={"Authorization": f"Bearer {os.environ['REELKEEP_KEY']}"},
    timeout=30,
)


def tasks() -> Iterator[dict]:
    filters = {"created_from": f"{day}T00:00:00Z", "created_to": f"{day}T23:59:59.999Z", "limit": "100"}
    while True:
        page = api.get("tasks", params=filters).raise_for_status().json()
        yield from page["tasks"]
        if page["next_cursor"] is None:
            return
        filters["cursor"] = page["next_cursor"]


states: Counter[str] = Counter()
reasons: Counter[str] = Counter()
files = size = 0
missing = []
for task in tasks():
    states[task["state"]] += 1
    if task["failure"]:
        reasons[f"{task['failure']['reason']}: {task['failure']['message']}"] += 1
    for creation in task["creations"]:
        files += len(creation["files"])
        size += sum(file["bytes"] for file in creation["files"])
        missing += [f"{each['name']} of {task['id']}" for each in creation["missing"]]

print(f"{day}: {states.total()} tasks")
for state, number in states.most_common():
    print(f"  {number:6} {state}")
print(f"kept: {files} files, {size / 1e9:.2f} GB")
for reason, number in reasons.most_common():
    print(f"failed: {number:6} {reason}")
for each in missing:
    print(f"missing: {each}")
usage = api.get("usage", params={"from": str(day), "to": str(day), "by": "model"}).raise_for_status().json()
for row in usage["rows"]:
    money = f"{row['charged']} {row['currency']}" if row["currency"] else "no price is known"
    print(f"cost: {row['units_charged']} {row['unit']} for {row['tasks_charged']} of {row['model']} ({money})")
