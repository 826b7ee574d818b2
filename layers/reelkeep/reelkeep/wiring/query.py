"""Query: what only reads through the API, and the permanent links."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlsplit

from reelkeep.adapters.dynamodb.counters import TableCounters
from reelkeep.adapters.dynamodb.keys import TableKeys
from reelkeep.adapters.dynamodb.slots import TableSlots
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.s3.bucket import S3Bucket
from reelkeep.api import Api
from reelkeep.public import asyncapi_document, console, docs_asset, docs_page, files, openapi_document
from reelkeep.services.forecasts import Estimate
from reelkeep.services.query import FindPlace, FollowLink, ListTasks, ShowWhole
from reelkeep.wiring import platform
from reelkeep.wiring.forecasts import forecasts
from reelkeep.wiring.links import permanent_links


def build() -> Api:
    settings = platform.settings
    tasks = TableTasks(platform.dynamodb(), settings.table)
    keys = TableKeys(platform.dynamodb(), settings.table)
    secret = platform.secret(settings.link_secret_arn)
    bucket = S3Bucket(platform.s3, settings.bucket)

    def archive() -> str:
        """The origin of the links into the bucket."""
        link = urlsplit(bucket.sign("0" * 32, "", "GET"))
        return f"{link.scheme}://{link.netloc}"

    expected = forecasts()
    link = partial(
        files,
        follow=FollowLink(tasks, bucket.sign, secret),
        exists=bucket.has,
        allowed_origins=settings.allowed_origins,
    )
    page = partial(console, public_url=settings.public_url, archive=archive)
    return Api(
        base_path=settings.base_path,
        keys=keys,
        logger=platform.logger(),
        show=ShowWhole(tasks, bucket),
        find_place=FindPlace(
            TableSlots(platform.dynamodb(), settings.table),
            expected,
            platform.now,
            TableCounters(platform.dynamodb(), settings.table).counts,
        ),
        estimate=Estimate(expected, platform.now),
        list_tasks=ListTasks(tasks, platform.now, lambda: [each.name for each in keys.owners()]),
        links=permanent_links(secret, settings.public_url),
        public={
            "GET /files/": link,
            "OPTIONS /files/": link,
            "GET /openapi.json": partial(openapi_document, public_url=settings.public_url),
            "GET /docs": partial(docs_page, public_url=settings.public_url),
            "GET /docs/": docs_asset,
            "GET /": page,
            "GET /console": page,
            "GET /console/": page,
            "GET /asyncapi.json": partial(asyncapi_document, public_url=settings.public_url),
        },
    )
