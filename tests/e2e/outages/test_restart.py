"""Stopping and starting again: nothing is forgotten, and what was under way goes on."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx

from local.stack import Stack
from tests.e2e.archive import Archive
from tests.e2e.client import Client
from tests.e2e.conftest import Aws, Prompt
from tests.e2e.mailbox import Mailbox
from tests.e2e.simulator import Simulator
from tests.waiting import until


def test_a_restart_loses_nothing_and_what_was_under_way_goes_on(
    restart: Callable[[], None],
    alice: Client,
    anyone: httpx.Client,
    archive: Archive,
    mailbox: Mailbox,
    prompt: Prompt,
    simulator: Simulator,
) -> None:
    finished = alice.succeeded(alice.submitted(prompt("before the night")))
    link = finished["creations"][0]["url"]
    film = anyone.get(link).content
    texts = {
        "in the making": prompt("that takes its time", "[slow:15]"),
        "waiting to be asked again": prompt("that is to be asked for again", "[429:1]"),
        "whose answer was lost": prompt("whose answer was lost in the night", "[lose:1]"),
    }
    under_way = {name: alice.submitted(text) for name, text in texts.items()}
    until(lambda: simulator.task(texts["in the making"])["state"] == "processing", what="the simulator to begin")

    restart()

    assert alice.task(finished["id"]) == finished
    assert alice.vidu_task(finished["id"])["state"] == "success"
    assert anyone.get(link).content == film
    archive.verified(finished)
    for name, task_id in under_way.items():
        archive.verified(alice.succeeded(task_id))
        assert simulator.task(texts[name])["billed"] is True
    for task_id in (finished["id"], *under_way.values()):
        assert mailbox.of(task_id).event["id"] == f"{task_id}.success"


def test_a_new_link_secret_revokes_every_link(
    restart: Callable[[], None], stack: Stack, aws: Aws, alice: Client, anyone: httpx.Client, prompt: Prompt
) -> None:
    """Functions that are running keep a secret for some minutes; these are started anew, and need not."""

    def put(value: str) -> None:
        aws("secretsmanager").put_secret_value(SecretId=stack.link_secret_arn, SecretString=value)

    task_id = alice.succeeded(alice.submitted(prompt("in the old light")))["id"]
    link = alice.task(task_id)["creations"][0]["url"]
    assert anyone.get(link).status_code == 200
    secret = aws("secretsmanager").get_secret_value(SecretId=stack.link_secret_arn)["SecretString"]
    put("another secret altogether, and as long as it should be")
    try:
        restart()
        assert anyone.get(link, follow_redirects=False).status_code == 404
        new_link = alice.task(task_id)["creations"][0]["url"]
        assert new_link != link
        assert anyone.get(new_link).status_code == 200
        assert json.dumps(alice.task(task_id)).count(new_link) == 2
    finally:
        put(secret)
