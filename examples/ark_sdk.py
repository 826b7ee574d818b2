"""Make a video with Ark's own SDK. Only the address and the key are Reelkeep's; any provider can serve the model.

Run: pip install 'volcengine-python-sdk[ark]', then python examples/ark_sdk.py "a paper boat on a pond" boat.mp4
"""

import os
import sys
import time
import urllib.request

from volcenginesdkarkruntime import Ark

prompt, file = sys.argv[1:]
client = Ark(base_url=f"{os.environ['REELKEEP_URL']}/api/v3", api_key=os.environ["REELKEEP_KEY"])

task = client.content_generation.tasks.create(
    model=os.environ.get("MODEL", "viduq2"), content=[{"type": "text", "text": prompt}], duration=4
)
task_id = task.id
while (task := client.content_generation.tasks.get(task_id=task_id)).status in ("queued", "running"):
    time.sleep(2)
if task.status != "succeeded":
    sys.exit(f"{task.id} is {task.status}: {task.error}")
urllib.request.urlretrieve(task.content.video_url, file)
print(file)
