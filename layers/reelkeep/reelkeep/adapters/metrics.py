"""Metrics of the providers and of their tasks, for the alarms and the dashboard."""

from __future__ import annotations

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from reelkeep.domain.task import FailureClass, State, Task

NAMESPACE = "Reelkeep"
_CLIENTS_OWN = (FailureClass.POLICY, FailureClass.INPUT, FailureClass.CANCELLED)


class ProviderMetrics:
    """Counts by stack and provider, each as a line of the log that CloudWatch reads (its embedded metric format)."""

    def __init__(self, stack: str) -> None:
        self._stack = stack

    def __call__(self, provider: str, name: str, value: float = 1.0, unit: MetricUnit = MetricUnit.Count) -> None:
        metrics = EphemeralMetrics(namespace=NAMESPACE, service=self._stack)
        metrics.add_dimension("provider", provider)
        metrics.add_metric(name, unit, value)
        metrics.flush_metrics()

    def budget_full(self, owner: str) -> None:
        metrics = EphemeralMetrics(namespace=NAMESPACE, service=self._stack)
        metrics.add_dimension("owner", owner)
        metrics.add_metric("BudgetFull", MetricUnit.Count, 1)
        metrics.flush_metrics()

    def ended(self, task: Task) -> None:
        """`TaskFailed` is 1 or 0, so that its average is the share; what a client caused is no failure."""
        reason = task.failure.reason if task.failure else None
        self(task.provider, "TaskFailed", float(task.state is not State.SUCCESS and reason not in _CLIENTS_OWN))
        if task.credits is not None:
            self(task.provider, "Credits", float(task.credits))
        if task.succeeded_at and task.finished_at:
            seconds = (task.finished_at - task.succeeded_at).total_seconds()
            self(task.provider, "ArchiveSeconds", seconds, MetricUnit.Seconds)
