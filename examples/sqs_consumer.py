"""Save every video that succeeds. Events wait in an SQS queue that is subscribed (docs/notifications.md says how).

Run: pip install boto3, then python examples/sqs_consumer.py QUEUE_URL films
"""

import json
import sys
import urllib.request
from pathlib import Path

import boto3

queue, folder = sys.argv[1], Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
sqs = boto3.client("sqs")


def save(event: dict) -> None:
    """Once for all repeats of an event, since a file has its name only when it is whole."""
    for number, creation in enumerate(event["data"].get("creations", ()), start=1):
        file = folder / f"{event['subject']}-{number}.mp4"
        video = creation["files"].get("video")
        if video and not file.exists():
            part = file.with_suffix(".part")
            urllib.request.urlretrieve(video["url"], part)
            part.rename(file)
            print(file, flush=True)


while True:
    answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=20)
    for message in answer.get("Messages", ()):
        # SNS's envelope is around the event. A message comes again if this program dies before it deletes it.
        save(json.loads(json.loads(message["Body"])["Message"]))
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
