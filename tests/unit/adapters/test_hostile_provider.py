"""A provider that tries every trick: whatever it does, a task ends as it should, and nothing inside is touched.

It lives on an address that counts as outside here; all other addresses of this machine are inside, as in a cloud.
"""

from __future__ import annotations

import gzip
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import SecretStr

from reelkeep.adapters.http.outbound import Outbound
from reelkeep.adapters.providers.configuration import ProviderSettings
from reelkeep.adapters.providers.provider import HttpProvider
from reelkeep.adapters.s3.archive import S3Archive
from reelkeep.adapters.s3.layout import folder
from reelkeep.dialects.vidu_ent_v2.client import upstream
from reelkeep.domain.addresses import is_public
from reelkeep.domain.notices.notice import DIFFERS
from reelkeep.domain.task import FailureClass, State, Task
from reelkeep.domain.wire import Json
from tests.samples import lengthened, video
from tests.servers import Bucket, Cut, Request, Server, reply
from tests.unit.adapters.conftest import Store
from tests.unit.adapters.copy_harness import File
from tests.unit.services.harness import Harness

OUTSIDE = "127.0.0.2"
FILM = video()
LONG = lengthened(FILM, 5_000_000)
PAGE = b"<!doctype html><title>Sorry</title>" + b" " * 5000
PROCESSING = {"state": "processing"}
Film = Callable[[Request], Iterator[bytes]]


@dataclass
class Hostile:
    """Vidu's ent/v2, with a film of its own, and looks that are answered line by line; the last is repeated."""

    film: Any
    looks: list[Json | bytes] = field(default_factory=list)
    downloads: int = 0
    placed: int = 0

    def __call__(self, request: Request) -> Iterator[bytes]:
        if request.method == "POST":
            self.placed += 1
            yield from reply(body=json.dumps({"task_id": 885_000_000_000_000_001, "state": "created"}).encode())
        elif request.target.endswith("/creations"):
            said = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
            said = json.dumps(said).encode() if isinstance(said, dict) else said
            yield from [said] if said.startswith(b"HTTP/") else reply(body=said, connection="close")
            raise Cut
        else:
            self.downloads += 1
            yield from self.film(request)


@dataclass
class World:
    harness: Harness
    hostile: Hostile
    inside: Server
    bucket: Bucket
    url: Callable[[str], str]

    def ended(self) -> Task:
        task = self.harness.submit()
        self.harness.see_through(task.id, late=8)
        task = self.harness.task(task.id)
        assert self.hostile.placed == 1
        assert task.provider_task_id == "885000000000000001"
        assert self.inside.requests == []
        told = [each["type"] for each in self.harness.notices.told if each["type"] != DIFFERS]
        assert told == [f"reelkeep.task.{task.state}"]
        return task

    def whole(self, film: bytes = FILM) -> Task:
        task = self.ended()
        assert task.state is State.SUCCESS
        assert self.archived(task) == {"1-video.mp4": film}
        return task

    def lost(self) -> str:
        """Why. Nothing but the reason may be in the archive, whatever is in quarantine."""
        task = self.ended()
        assert self.archived(task) == {}
        assert (task.state, task.failure and task.failure.reason) == (State.FAILED, FailureClass.LOST)
        return task.failure.message if task.failure else ""

    def archived(self, task: Task) -> dict[str, bytes]:
        mine = {key.removeprefix(folder(task.id)): content for key, content in self.bucket.objects.items()}
        return {name: content for name, content in mine.items() if "/" not in name and "json" not in name}

    def success(self, *links: str, **more: Json) -> dict[str, Json]:
        creations = [{"id": str(number), "url": link} for number, link in enumerate(links or (self.url("/film"),), 7)]
        return {"state": "success", "creations": creations, **more}


@pytest.fixture
def world(store: Store) -> Iterator[World]:
    hostile = Hostile(File(FILM))

    def outside(address: str) -> bool:
        return address == OUTSIDE or is_public(address)

    no_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the default one loads all the world's certificates
    with (
        closing(Outbound(no_tls, is_public=outside)) as outbound,
        Server(File(FILM)) as inside,
        Server(hostile, address=OUTSIDE) as server,
    ):
        settings = ProviderSettings.model_construct(  # which does not ask whether the address is a public one
            dialect="vidu_ent_v2", base_url=server.url(""), api_key=SecretStr("vda_secret")
        )
        provider: Any = HttpProvider("hostile", settings, upstream, outbound)
        archive: Any = Manifests(
            lambda: store.s3,
            "bucket",
            outbound,
            largest={"image": 1 << 20, "video": 6 << 20, "media": 6 << 20},
            pause=lambda _: None,
        )
        world = World(Harness(provider=provider, archive=archive), hostile, inside, store.bucket, server.url)
        hostile.looks = [world.success()]
        yield world


class Manifests(S3Archive):
    def write_manifest(self, task: Task) -> None:
        """The fake client knows films only."""


def moved(location: str, status: int = 302) -> Film:
    return lambda _: iter(reply(status, location=location))


def said(*pieces: bytes) -> Film:
    """These bytes, and the end of the connection."""

    def film(_: Request) -> Iterator[bytes]:
        yield from pieces
        raise Cut

    return film


# --- where it wants us to go ---


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
        "http://[::ffff:a9fe:a9fe]/latest/",
        "http://localhost:{port}/film",
        "http://0x7f.1:{port}/film",
        "//127.0.0.1:{port}/film",
        "file:///etc/passwd",
    ],
)
def test_no_redirect_of_a_film_leads_inside(world: World, location: str) -> None:
    world.hostile.film = moved(location.format(port=world.inside.port))
    assert "public internet" in (why := world.lost()) or "only http" in why


@pytest.mark.parametrize("status", [301, 303, 307, 308])
def test_no_kind_of_redirect_leads_inside(world: World, status: int) -> None:
    world.hostile.film = moved(world.inside.url("/film"), status)
    world.lost()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0", "[::1]", "[::ffff:127.0.0.1]"])
def test_no_link_to_a_film_leads_inside(world: World, host: str) -> None:
    world.hostile.looks = [world.success(world.inside.url("/film", host=host))]
    world.lost()


@pytest.mark.parametrize("location", ["http://127.0.0.1:{port}/", "http://169.254.169.254/", "file:///etc/passwd"])
def test_no_redirect_of_a_poll_leads_inside(world: World, location: str) -> None:
    there = location.format(port=world.inside.port).encode()
    world.hostile.looks = [
        b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: %b\r\n\r\n" % there,
        world.success(),
    ]
    world.whole()


def test_redirects_that_go_round_in_circles_end(world: World) -> None:
    world.hostile.film = moved(world.url("/film"))
    assert "redirected more than 5 times" in world.lost()


def test_a_redirect_that_stays_outside_is_followed(world: World) -> None:
    film = File(FILM)
    world.hostile.film = lambda request: film(request) if request.target == "/there" else moved("/there")(request)
    world.whole()


# --- what it sends ---


@pytest.mark.parametrize("ranges", [True, False])
def test_a_film_that_is_cut_again_and_again_arrives_whole(world: World, ranges: bool) -> None:
    world.hostile.film = File(LONG, ranges=ranges, cuts=[1, 1000, 1_000_000, 2_000_000, 0, 7])
    world.whole(LONG)


def test_a_film_that_changes_while_it_is_read_is_archived_in_one_version(world: World) -> None:
    other = lengthened(video(fps=12), len(LONG))
    first, second = File(LONG, cuts=[3_000_000]), File(other, tag='"two"')
    world.hostile.film = lambda request: (first if world.hostile.downloads == 1 else second)(request)
    world.whole(other)


def test_a_length_that_promises_more_than_comes_is_never_stored_short(world: World) -> None:
    world.hostile.film = lambda _: said(*reply(body=FILM, content_length=str(len(FILM) + 1)))(_)
    assert world.lost()


@pytest.mark.parametrize("less", [1, 500])
def test_a_length_that_promises_less_than_there_is_is_never_stored_short(world: World, less: int) -> None:
    world.hostile.film = lambda _: said(*reply(body=FILM, content_length=str(len(FILM) - less)))(_)
    assert "not whole" in world.lost()


def test_a_film_without_a_length_is_archived_whole(world: World) -> None:
    world.hostile.film = said(*reply(body=FILM, content_length=""))
    world.whole()


def test_a_film_without_a_length_that_is_cut_is_not_taken_for_whole(world: World) -> None:
    world.hostile.film = lambda _: said(*reply(body=FILM[:-20], content_length=""))(_)
    assert world.lost()


def test_a_film_in_chunks_is_archived_whole(world: World) -> None:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (FILM[:9], FILM[9:]))
    world.hostile.film = said(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", chunks, b"0\r\n\r\n")
    world.whole()


def test_a_film_that_was_packed_is_archived_unpacked(world: World) -> None:
    world.hostile.film = lambda _: reply(body=gzip.compress(FILM), content_encoding="gzip")
    world.whole()


@pytest.mark.parametrize("kind", ["text/html", "application/octet-stream", "image/png", "nonsense"])
def test_a_film_under_a_wrong_type_is_archived_as_what_it_is(world: World, kind: str) -> None:
    world.hostile.film = lambda _: reply(body=FILM, content_type=kind)
    [asset] = world.whole().creations[0].assets
    assert asset.archived is not None
    assert asset.archived.content_type == "video/mp4"


def test_a_page_under_the_type_of_a_film_is_never_archived(world: World) -> None:
    world.hostile.film = lambda _: reply(body=PAGE, content_type="video/mp4")
    world.lost()


def test_an_endless_film_ends_at_the_limit(world: World) -> None:
    def endless(_: Request) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n" + FILM + b"\0\0\0\0free"
        while True:
            yield bytes(1 << 20)

    world.hostile.film = endless
    assert "larger" in world.lost()
    assert world.bucket.parts == {}


def test_a_film_that_unpacks_without_end_ends_at_the_limit(world: World) -> None:
    bomb = gzip.compress(lengthened(FILM, 8 << 20))
    world.hostile.film = lambda _: reply(body=bomb, content_encoding="gzip")
    assert "larger" in world.lost()


# --- what it says ---


def test_a_status_that_goes_backwards_moves_nothing_back(world: World) -> None:
    world.hostile.looks = [PROCESSING, {"state": "queueing"}, {"state": "created"}, world.success()]
    task = world.harness.submit()
    states = []
    for _ in range(4):
        world.harness.poll(task.id)
        states.append(world.harness.task(task.id).state)
    assert states == [State.PROCESSING] * 3 + [State.ARCHIVING]


def test_a_success_that_is_taken_back_does_not_keep_the_video_from_the_archive(world: World) -> None:
    film, dead = File(FILM), iter([reply(403)] * 3)
    world.hostile.film = lambda request: next(dead, None) or film(request)
    world.hostile.looks = [world.success(), PROCESSING, {"state": "failed", "err_code": "Odd"}, world.success()]
    world.whole()


@pytest.mark.parametrize("creations", [[], None, {}, [{}], [{"id": "7"}], [{"id": "7", "url": ""}], "soon"])
def test_a_success_without_links_is_polled_again(world: World, creations: Json) -> None:
    world.hostile.looks = [*[{"state": "success", "creations": creations}] * 3, world.success()]
    world.whole()


def test_a_creation_that_is_listed_twice_is_archived_once(world: World) -> None:
    twice = world.success()
    world.hostile.looks = [{**twice, "creations": twice["creations"] * 2}]
    world.whole()
    assert world.hostile.downloads == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"[" * 200_000,
        b'{"state": NaN}',
        b"\xff\xfe",
        b"null",
        b"7" * 5000,
        b'{"state": 7}',
        b"x" * (9 << 20),
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        b"HTTP/9.9 what\r\n\r\n",
    ],
    ids=lambda answer: repr(answer[:24]),
)
def test_an_answer_that_makes_no_sense_gives_nothing_up(world: World, answer: bytes) -> None:
    world.hostile.looks = [answer, world.success()]
    world.whole()


def test_a_number_of_eighteen_digits_and_a_time_of_nine_are_taken_as_they_are(world: World) -> None:
    said = world.success(credits=12, created_at="2026-01-06T08:00:00.123456789Z")
    said["creations"][0]["id"] = 885_000_000_000_000_777
    world.hostile.looks = [said]
    assert world.whole().creations[0].provider_id == "885000000000000777"
