from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
import pytest
import trustme
from botocore.config import Config

from reelkeep.adapters.http.outbound import Outbound
from tests.servers import Bucket, Request, Server, serving_tls
from tests.unit.adapters.copy_harness import Archive

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


class Store(NamedTuple):
    """A bucket, and boto3's client that reaches it over TLS or without."""

    bucket: Bucket
    s3: S3Client
    s3_without_tls: S3Client


class _Served:
    bucket = Bucket()

    def __call__(self, request: Request) -> list[bytes]:
        return self.bucket(request)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[_Served, list[Server], list[Any]]]:
    """Made once: a client takes long to make."""
    authority, pem = trustme.CA(), tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(pem)
    served = _Served()
    with Server(served, serving_tls(authority, "localhost")) as secure, Server(served) as plain:
        urls = [secure.url("", host="localhost"), plain.url("")]
        yield served, [secure, plain], [_client(url, pem) for url in urls]


def _client(url: str, authority: Path) -> Any:
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path", "payload_signing_enabled": False},
        retries={"mode": "standard", "total_max_attempts": 4},
    )
    session = boto3.Session("id", "secret", region_name="us-east-1")
    return session.client("s3", endpoint_url=url, verify=str(authority), config=config)


@pytest.fixture
def store(served: tuple[_Served, list[Server], list[Any]], monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(time, "sleep", lambda _: None)  # botocore's pauses
    bucket, (answering, servers, clients) = Bucket(), served
    answering.bucket = bucket
    yield Store(bucket, *clients)
    answering.bucket = Bucket()
    for server in servers:
        server.requests.clear()  # they hold whole files


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    no_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the default one loads all the world's certificates
    with closing(Outbound(no_tls)) as outbound:
        yield outbound


@pytest.fixture
def archive(store: Store, outbound: Outbound) -> Archive:
    return Archive(outbound, store.bucket, store.s3)
