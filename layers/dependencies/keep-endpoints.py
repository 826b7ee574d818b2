"""keep-endpoints.py endpoints.json SERVICE...: takes all other services out of botocore's list of endpoints.

A function reads the whole list when it starts, which takes tens of milliseconds.
"""

import json
import sys
from pathlib import Path

path, services = Path(sys.argv[1]), set(sys.argv[2:])
endpoints = json.loads(path.read_text())
for partition in endpoints["partitions"]:
    kept = {"states" if service == "stepfunctions" else service for service in services}  # its endpoints' prefix
    partition["services"] = {name: found for name, found in partition["services"].items() if name in kept}
path.write_text(json.dumps(endpoints, separators=(",", ":")))
