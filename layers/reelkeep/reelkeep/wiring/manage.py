"""Wires what an owner has beside its tasks: subscriptions, webhooks, providers, prices and usage. Erases tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from reelkeep.adapters.dynamodb.counters import TableCounters
from reelkeep.adapters.dynamodb.durations import TableDurations
from reelkeep.adapters.dynamodb.keys import TableKeys
from reelkeep.adapters.dynamodb.ledger import TableLedger
from reelkeep.adapters.dynamodb.slots import TableSlots
from reelkeep.adapters.dynamodb.subscriptions import TableSubscriptions
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.dynamodb.webhooks import TableDeliveries, TableWaiting, TableWebhooks
from reelkeep.adapters.http.destinations import Destinations
from reelkeep.adapters.http.guard import resolve
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.adapters.outbox import SqsOutbox
from reelkeep.adapters.topic import SnsTopic, endpoint_rules
from reelkeep.api import Api
from reelkeep.domain.ids import new_task_id
from reelkeep.domain.task import Task
from reelkeep.ports.owners import Caller
from reelkeep.services.counts import CountUnderWay
from reelkeep.services.inputs import ResolveInputs
from reelkeep.services.keys import ManageKeys
from reelkeep.services.owners import ChangeOwner, ManageOwners
from reelkeep.services.providers import FindStatus, ListProviders, StopProvider
from reelkeep.services.quote import QuoteSubmission
from reelkeep.services.subscriptions import ManageSubscriptions
from reelkeep.services.usage import ShowUsage
from reelkeep.services.webhooks import ManageWebhooks
from reelkeep.wiring import platform
from reelkeep.wiring.forecasts import forecasts
from reelkeep.wiring.links import permanent_links
from reelkeep.wiring.providers import configured_providers

if TYPE_CHECKING:
    from reelkeep.services.dead_letters import ManageDeadLetters


def build() -> Api:
    settings = platform.settings
    outbound = Outbound(platform.tls())
    tasks = TableTasks(platform.dynamodb(), settings.table)
    links = permanent_links(platform.secret(settings.link_secret_arn), settings.public_url)
    providers = configured_providers(outbound, inputs=ResolveInputs(tasks, links))
    ledger = TableLedger(platform.dynamodb(), settings.table)
    show_usage = ShowUsage(ledger, platform.now)
    keys = TableKeys(platform.dynamodb(), settings.table)
    manage_keys = ManageKeys(keys, platform.now)
    counters = TableCounters(platform.dynamodb(), settings.table)
    change_owner = ChangeOwner(
        keys.settings, counters, ledger, CountUnderWay(tasks, ledger, platform.now), platform.now
    )
    manage_owners = ManageOwners(keys.owners, change_owner, counters, platform.now)
    stop_provider = StopProvider(providers.all, keys.settings)
    return Api(
        base_path=settings.base_path,
        keys=keys,
        logger=platform.logger(),
        services={
            "list_providers": ListProviders(
                providers.all,
                providers,
                FindStatus(
                    TableSlots(platform.dynamodb(), settings.table),
                    TableDurations(platform.dynamodb(), settings.table),
                    platform.troubles(),
                    platform.now,
                ),
            ),
            "list_models": lambda *_: providers.all(),
            "quote_submission": QuoteSubmission(providers, providers.all, forecasts(), platform.now, new_task_id),
            "show_usage": show_usage,
            "export_usage": show_usage,
            "create_key": manage_keys.create,
            "list_keys": manage_keys.list,
            "revoke_key": manage_keys.revoke,
            "list_owners": manage_owners.list,
            "show_owner": manage_owners.show,
            "replace_owner": manage_owners.change,
            "change_owner": manage_owners.change,
            "show_own_limits": manage_owners.show_own,
            "stop_provider": stop_provider,
            "start_provider": stop_provider,
            "erase_task": partial(_erase, tasks),
            "list_dead_letters": lambda *_: _dead_letters(tasks).list(),
            "replay_dead_letters": lambda ids, _: _dead_letters(tasks).do_again(ids),
            **_subscriptions(),
            **_webhooks(outbound),
        },
    )


def _subscriptions() -> Mapping[str, Callable[[Any, Caller], Any]]:
    settings = platform.settings
    private = settings.allow_private_webhooks
    manage = ManageSubscriptions(
        subscriptions=TableSubscriptions(platform.dynamodb(), settings.table),
        topic=SnsTopic(platform.sns(), settings.topic_arn),
        rules=endpoint_rules(settings.topic_arn, protocols=settings.subscription_protocols, allow_private=private),
        resolve=resolve,
        clock=platform.now,
    )
    return {
        "subscribe": manage.subscribe,
        "list_subscriptions": manage.list,
        "show_subscription": manage.show,
        "change_subscription": manage.change,
        "unsubscribe": manage.unsubscribe,
    }


def _webhooks(outbound: Outbound) -> Mapping[str, Callable[[Any, Caller], Any]]:
    settings = platform.settings
    manage = ManageWebhooks(
        webhooks=TableWebhooks(platform.dynamodb(), settings.table),
        deliveries=TableDeliveries(platform.dynamodb(), settings.table),
        waiting=TableWaiting(platform.dynamodb(), settings.table),
        outbox=SqsOutbox(platform.sqs(), settings.deliveries_url),
        destinations=Destinations(outbound, allow_private=settings.allow_private_webhooks),
        secret=platform.secret(settings.webhook_secret_arn),
        clock=platform.now,
    )
    return {
        "create_webhook": manage.create,
        "list_webhooks": manage.list,
        "show_webhook": manage.show,
        "change_webhook": manage.change,
        "delete_webhook": manage.delete,
        "rotate_webhook_secret": manage.rotate,
        "send_test_event": manage.test,
        "list_deliveries": manage.list_deliveries,
        "show_delivery": manage.show_delivery,
        "replay_delivery": manage.replay,
    }


def _erase(tasks: TableTasks, task_id: str, caller: Caller) -> Task:
    """Its parts are loaded when a task is erased: other requests do not wait for them."""
    from reelkeep.adapters.s3.bucket import S3Bucket
    from reelkeep.services.erase import Erase

    client, table = platform.dynamodb(), platform.settings.table
    bucket = S3Bucket(platform.s3, platform.settings.bucket)
    erase = Erase(
        tasks=tasks,
        manifests=bucket,
        files=bucket,
        webhooks=TableWebhooks(client, table),
        deliveries=TableDeliveries(client, table),
        waiting=TableWaiting(client, table),
        clock=platform.now,
    )
    return erase(task_id, caller)


def _dead_letters(tasks: TableTasks) -> ManageDeadLetters:
    """Loaded when an operator asks for them."""
    from reelkeep.adapters.dead_letters import DeadLetterQueue
    from reelkeep.adapters.executions import StepFunctionsExecutions
    from reelkeep.adapters.invocations import LambdaInvocations
    from reelkeep.domain.dead_letters import understood
    from reelkeep.services.dead_letters import ManageDeadLetters, Replay

    settings = platform.settings
    machine, sweep_arn = settings.state_machine_arn, settings.sweep_function_arn

    def sweep(everything: bool) -> str:
        """Nobody waits for it: if it fails, there is another letter."""
        LambdaInvocations(platform.lambda_).start(sweep_arn, {"everything": everything})
        return ""

    return ManageDeadLetters(
        DeadLetterQueue(platform.sqs(), settings.dead_letters_url),
        partial(understood, state_machine_arn=machine, sweep_function=sweep_arn.split(":")[6]),
        lambda: Replay(
            tasks=tasks,
            executions=StepFunctionsExecutions(platform.stepfunctions(), machine),
            sweep=sweep,
            clock=platform.now,
        ),
    )
