"""Warn of budgets: tell an owner, and operators, how much of its money for a day or a month is used."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from reelkeep.domain.budgets import BudgetWarning, due
from reelkeep.domain.errors import NotFound
from reelkeep.domain.notices.notice import News, budget_attributes, budget_event
from reelkeep.domain.notices.webhooks import CALLBACKS, Delivery, Webhook, delivery_id
from reelkeep.domain.owner_settings import OwnerSettings
from reelkeep.domain.task import Task
from reelkeep.ports.notices import Notices
from reelkeep.ports.owners import Counters
from reelkeep.ports.platform import Clock
from reelkeep.services.announce import EVENT_CONTENT, Announce, outcome_at_first


@dataclass(frozen=True, slots=True)
class WarnOfBudgets:
    """Looks at the counts after each entry of a ledger. A function that dies between a warning and its mark repeats
    the warning, under the same id."""

    counters: Counters
    settings_of: Callable[[str], OwnerSettings]
    announce: Announce
    notices: Notices
    report_full: Callable[[str], None]  # for the alarm
    clock: Clock

    def __call__(self, task: Task) -> int:
        """The number of warnings. Raises TryLater."""
        if task.reservation is None or "" not in task.reservation.counters:  # the owner has no limits
            return 0
        try:
            limits = self.settings_of(task.owner).limits
        except NotFound:
            return 0
        warnings = [*due(task, limits, self.counters.counts(task.owner))] if limits.of_money else []
        for warning in warnings:
            event, now = budget_event(warning, self.clock()), self.clock()
            self.notices.publish(event, budget_attributes(warning))
            webhooks = self.announce.webhooks_of(task.owner)
            wanted = (each for each in webhooks if News.BUDGET in each.news and each.id != CALLBACKS)
            self.announce.hand_over(_delivery(warning, webhook, json.dumps(event), now) for webhook in wanted)
            if warning.percent == 100:
                self.report_full(task.owner)
            self.counters.warned(task.owner, warning.mark, warning.threshold)
        return len(warnings)


def _delivery(warning: BudgetWarning, webhook: Webhook, body: str, now: datetime) -> Delivery:
    """Its id is the same whoever warns, and when."""
    begin = datetime.fromisoformat(f"{warning.period}-01"[:10]).replace(tzinfo=UTC)
    return Delivery(
        id=delivery_id(webhook.id, warning.id, News.BUDGET, begin),
        owner=warning.owner,
        webhook_id=webhook.id,
        event=News.BUDGET,
        url=webhook.url,
        body=body,
        content_type=EVENT_CONTENT,
        created_at=now,
        outcome=outcome_at_first(webhook),
    )
