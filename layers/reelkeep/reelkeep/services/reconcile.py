"""Reconcile: what became of a billable call whose answer was lost. It is never repeated blindly."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache

from reelkeep.domain.claims import claim_of_provider_task
from reelkeep.domain.observation import Finding, Found, Uncertain
from reelkeep.domain.task import Task
from reelkeep.ports.providers import Provider, Providers
from reelkeep.ports.tasks import Claims, Tasks


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Asks the provider. Two tasks of ours never find the same one."""

    tasks: Tasks
    claims: Claims
    providers: Providers

    def __call__(self, task: Task, provider: Provider, now: datetime) -> Finding:
        """Raises TryLater."""
        names = self._names_of_account(provider)

        @cache
        def others(provider_task_id: str) -> list[Task]:
            known = (each for name in names for each in self.tasks.by_provider_task(name, provider_task_id))
            return [each for each in known if each.id != task.id]

        def placed_by_us(provider_task_id: str) -> Task | None:
            """What was adopted is not known to be another: it may be what came of this very call."""
            return next((each for each in others(provider_task_id) if not each.adopted), None)

        finding = provider.find(task, placed_by_us)
        if isinstance(finding, Found):
            claim = claim_of_provider_task(task, min(names), finding.provider_task_id, now)
            if others(finding.provider_task_id) or self.claims.claim(claim, now).task_id != task.id:
                return Uncertain("what the provider lists is another task")
        return finding

    def _names_of_account(self, provider: Provider) -> frozenset[str]:
        """Under which tasks of the account are recorded: several configured providers may share one."""
        accounts = ([each.name for each in account] for account in self.providers.accounts())
        return frozenset(next((names for names in accounts if provider.name in names), [provider.name]))
