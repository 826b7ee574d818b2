"""Submit: what changes something through the API."""

from __future__ import annotations

from reelkeep.adapters.dynamodb.claims import TableClaims
from reelkeep.adapters.dynamodb.counters import TableCounters
from reelkeep.adapters.dynamodb.keys import TableKeys
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.executions import StepFunctionsExecutions
from reelkeep.adapters.http.destinations import Destinations
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.adapters.notices import SnsNotices
from reelkeep.adapters.s3.bucket import S3Bucket
from reelkeep.api import Api
from reelkeep.domain.ids import new_task_id
from reelkeep.services.cancel import Cancel
from reelkeep.services.forecasts import Estimate
from reelkeep.services.gates import Gates
from reelkeep.services.inputs import ResolveInputs
from reelkeep.services.organize import Organize
from reelkeep.services.remove import Remove
from reelkeep.services.submit import Submit
from reelkeep.wiring import platform
from reelkeep.wiring.forecasts import forecasts
from reelkeep.wiring.links import permanent_links
from reelkeep.wiring.providers import configured_providers
from reelkeep.wiring.room import owners_line, room_at


def build() -> Api:
    settings = platform.settings
    tasks = TableTasks(platform.dynamodb(), settings.table)
    outbound = Outbound(platform.tls())
    links = permanent_links(platform.secret(settings.link_secret_arn), settings.public_url)
    inputs = ResolveInputs(tasks, links)
    providers = configured_providers(outbound, calls_back_at=settings.callback_url, inputs=inputs)
    room = room_at(providers, tasks)
    expected = forecasts()
    cancel = Cancel(tasks, providers, room, platform.now)
    bucket = S3Bucket(platform.s3, settings.bucket)
    organize = Organize(tasks, bucket, platform.now)
    return Api(
        base_path=settings.base_path,
        keys=TableKeys(platform.dynamodb(), settings.table),
        logger=platform.logger(),
        submit=Submit(
            tasks=tasks,
            requests=bucket,
            providers=providers,
            claims=TableClaims(platform.dynamodb(), settings.table),
            executions=StepFunctionsExecutions(platform.stepfunctions(), settings.state_machine_arn),
            destinations=Destinations(outbound, allow_private=settings.allow_private_webhooks),
            notices=SnsNotices(platform.sns, settings.topic_arn),
            room=room,
            forecasts=expected,
            gates=Gates(TableCounters(platform.dynamodb(), settings.table), owners_line(tasks).is_waited_for),
            longest_wait=settings.longest_wait,
            clock=platform.now,
            new_id=new_task_id,
        ),
        remove=Remove(tasks, organize, cancel),
        cancel=cancel,
        estimate=Estimate(expected, platform.now),
        services={
            "change_task": organize.change,
            "hide_task": organize.hide,
            "restore_task": organize.restore,
            "revoke_task_links": organize.revoke_links,
        },
        links=links,
    )
