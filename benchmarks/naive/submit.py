"""Takes a task, hands it to its provider and starts what sees it through."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from typing import Any

from aws_lambda_powertools.event_handler.exceptions import BadRequestError, UnauthorizedError
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.idempotency import idempotent
from aws_lambda_powertools.utilities.parser import ValidationError, parse
from aws_lambda_powertools.utilities.typing import LambdaContext

from benchmarks.naive.common import (
    app,
    call,
    get_item,
    idempotency,
    logger,
    metrics,
    persistence,
    providers,
    put_task,
    save_task,
    stepfunctions,
    tracer,
)
from benchmarks.naive.models import KINDS, Request, Task


@app.post("/ent/v2/<kind>")
@tracer.capture_method
def submit(kind: str) -> dict[str, Any]:
    key = (app.current_event.headers.get("authorization") or "").partition(" ")[2]
    caller = get_item("keys", hashlib.sha256(key.encode()).hexdigest())
    if caller is None or "revoked_at" in caller:
        raise UnauthorizedError("this API key is not known")
    sent = app.current_event.json_body
    try:
        body = parse(event=sent, model=KINDS[kind])
    except (KeyError, ValidationError) as error:
        raise BadRequestError(str(error)) from error
    name, provider = next(
        (name, provider)
        for name, provider in providers().items()
        if any(fnmatch(body.model, pattern) for pattern in provider.models)
    )
    now = datetime.now(UTC)
    known = {
        field: value for field, value in body.model_dump(exclude_none=True).items() if field in Request.model_fields
    }
    task = Task(
        id=f"{int(time.time() * 1000):012x}{secrets.token_hex(10)}",
        owner=caller["owner"]["S"],
        key_id=caller["key_id"]["S"],
        provider=name,
        request=Request.model_validate({**known, "kind": kind, "body": sent}),
        created_at=now,
        updated_at=now,
        deadline=now + timedelta(hours=2),
        next_look_at=now + timedelta(minutes=1),
    )
    put_task(task, "attribute_not_exists(pk)")
    placed = call(provider, "POST", f"/ent/v2/{kind}", {**sent, "payload": task.id})
    task.state, task.submission = "queueing", "placed"
    task.provider_task_id, task.credits = placed["task_id"], placed.get("credits")
    save_task(task)
    stepfunctions.start_execution(
        stateMachineArn=os.environ["STATE_MACHINE_ARN"],
        name=task.id,
        input=json.dumps({"task_id": task.id, "wait_seconds": 30}),
    )
    metrics.add_metric(name="Submitted", unit=MetricUnit.Count, value=1)
    logger.info("submitted", task_id=task.id, provider=name)
    answer = body.model_dump(mode="json", exclude={"callback_url", "provider"})
    return {
        **answer,
        "task_id": task.id,
        "type": kind,
        "state": task.state,
        "credits": task.credits or 0,
        "created_at": task.created_at.isoformat(),
    }


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
@idempotent(config=idempotency, persistence_store=persistence)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
