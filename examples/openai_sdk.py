"""Make a video with OpenAI's SDK. Only the address and the key are Reelkeep's; any provider can serve the model.

Run: pip install openai, then python examples/openai_sdk.py "a paper boat on a pond" boat.mp4
"""

import os
import sys
import time

from openai import OpenAI

prompt, file = sys.argv[1:]
client = OpenAI(base_url=f"{os.environ['REELKEEP_URL']}/v1", api_key=os.environ["REELKEEP_KEY"])

video = client.videos.create(prompt=prompt, model=os.environ.get("MODEL", "viduq2"), seconds="4")
while video.status in ("queued", "in_progress"):
    time.sleep(2)
    video = client.videos.retrieve(video.id)
if video.status != "completed":
    sys.exit(f"{video.id} is {video.status}: {video.error}")
client.videos.download_content(video.id).write_to_file(file)
print(file)
