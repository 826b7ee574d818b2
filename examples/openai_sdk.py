"""Make a video with OpenAI's SDK: python examples/openai_sdk.py "a paper boat on a pond" boat.mp4

Any program that speaks the shape of OpenAI's video API works like this. It is only told another address and key.
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
