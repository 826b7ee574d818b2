"""What must hold: at every write, at every announcement, and in the end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Any

from local.simulator.tasks import Task as Made
from reelkeep.domain.ledger import Balance, balance, total
from reelkeep.domain.task import Asset, DispatchStatus, State, Task
from reelkeep.services.ledger import KeepLedger
from tests.chaos.provider import Provider, Stock
from tests.chaos.simulation.bills import bill
from tests.chaos.simulation.stack import COUNTERS, Stack
from tests.chaos.simulation.world import LISTING, number_in
from tests.unit.services.harness import ALICE

_RANK = {State.CREATED: 0, State.QUEUEING: 1, State.PROCESSING: 2, State.ARCHIVING: 3}
_FILES = {"video": "video.mp4", "cover": "cover.jpeg", "watermarked": "watermarked.mp4", "last-frame": "cover.jpeg"}
_ENDS = {"success": State.SUCCESS, "failed": State.FAILED, "cancelled": State.CANCELLED}


class Checks:
    def __init__(self, stack: Stack, provider: Provider, stock: Stock) -> None:
        self._stack = stack
        self._world = stack.world
        self._simulator = provider.simulator
        self._stock = stock
        self._ledger = stack.ledger
        self._keep_ledger = KeepLedger(self._ledger)
        self._billed: dict[str, Decimal] = defaultdict(Decimal)  # by currency
        self._under_way = 0  # tasks that count against limits, by the ledger
        self._random = Random(0)  # of its own: the seed's days stay as they are
        for never in ("paid twice", "told before kept", "lost"):
            self._count(never, 0)
        stack.tasks.written = self._check_write
        stack.notices.telling = self._check_notice

    # At every moment ----------------------------------------------------------------------------------------

    def _check_write(self, before: Task | None, task: Task) -> None:
        world = self._world
        number = number_in(task.request.prompt)
        if before is None and task.adopted is None and number is not None:
            world.numbers[task.id] = number
        if before is not None:
            self._check_step(before, task)
        self._check_kept(task, "visible")
        self._charge(before, task)
        if number is not None and task.adopted is None:
            asked = (
                task.dispatch.status in (DispatchStatus.STARTED, DispatchStatus.UNKNOWN) and not task.state.terminal
            )
            (world.in_flight.add if asked else world.in_flight.discard)(number)
        facts = f"{task.state}, {task.dispatch.status}, {task.provider_task_id or '-'}, run {task.executions}, "
        facts += task.last_error
        world.tell(f"version {task.version}: {facts}", task.id)

    def _check_step(self, before: Task, task: Task) -> None:
        name = self._world.named(task)
        old, new = _RANK.get(before.state, 4), _RANK.get(task.state, 4)
        if new < old or (before.state.terminal and task.state is not before.state):
            self._world.wrong(f"{name}: {before.state} became {task.state}")
        if before.announcements.announced_at and not task.announcements.announced_at:
            self._world.wrong(f"{name}: was told, and is not any more")
        for was, creation in zip(before.creations, task.creations, strict=False):
            for old_asset, asset in zip(was.assets, creation.assets, strict=True):
                if old_asset.archived and not asset.archived:
                    self._world.wrong(f"{name}: forgot that its {asset.name} is kept")

    def _charge(self, before: Task | None, task: Task) -> None:
        """As the table's stream does it: changes of the cost are heard of in their order, and some of them again."""
        if before is None or balance(before) != balance(task):
            known = len(self._ledger.entries(task.id))
            self._keep_ledger(task)
            if before is not None and self._random.random() < 0.3:
                self._keep_ledger(self._random.choice((before, task)))
            changes = [entry.change for entry in self._ledger.entries(task.id)[known:]]
            self._under_way += sum(each.tasks - each.tasks_charged for each in changes if task.reservation)
            if self._under_way > (counted := self._counted("at_once")):
                self._world.wrong(f"{counted} tasks are counted, and {self._under_way} are under way")

    def _counted(self, name: str) -> Decimal:
        return Decimal(self._stack.counters.held.get(ALICE.owner, {}).get(name, 0))

    def _check_notice(self, told: Mapping[str, Any]) -> None:
        task = self._stack.tasks.recorded[told["subject"]]
        if told["data"]["state"] != task.state:
            self._world.wrong(f"{self._world.named(task)}: told {told['data']['state']}, is {task.state}")
        named = [name for each in told["data"]["creations"] for name in each["files"]]
        if set(named) - {asset.name for asset in _assets(task) if asset.archived}:
            self._world.wrong(f"{self._world.named(task)}: told of {named}, and not all of it is archived")
        self._check_kept(task, "told")

    def _check_kept(self, task: Task, when: str) -> None:
        if task.state is not State.SUCCESS:
            return
        bucket = self._stack.bucket
        missing = [] if task.id in bucket.manifests else ["its manifest"]
        missing += [] if task.creations else ["a creation"]
        for asset in _assets(task):
            if (asset.name == "video" and not asset.archived) or (
                asset.archived and asset.archived.key not in bucket.digests
            ):
                missing.append(f"its {asset.name}")
        if missing:
            self._count("told before kept")
            self._world.wrong(f"{self._world.named(task)}: success was {when} without {', '.join(missing)}")

    # In the end ---------------------------------------------------------------------------------------------

    def judge(self) -> None:
        made, others = self._made()
        ours = {number: self._stack.tasks.recorded[task_id] for task_id, number in self._world.numbers.items()}
        self._judge_repeats()
        holders = self._holders()
        for number, orders in made.items():
            self._count("paid twice", len(orders) > 1)
            if len(orders) > 1:
                self._world.wrong(f"task {number}: paid {len(orders)} times")
            if number not in ours:
                self._world.wrong(f"task {number}: paid for nothing that is known")
        charged: dict[str, Balance] = defaultdict(Balance)
        explained: dict[str, Decimal] = defaultdict(Decimal)  # by currency: what is charged and was not billed
        for task in self._stack.tasks.recorded.values():
            self._judge_end(task)
            entered = total(self._keep_ledger.ledger.entries(task.id))
            if entered != balance(task):
                self._world.wrong(f"{self._world.named(task)}: entered as {entered}, costs {balance(task)}")
            for account, there in entered.items():
                if task.state is not State.SUCCESS:
                    reason = "the outcome is unknown" if _is_unknown(task) else f"it is {task.state} without a result"
                    self._count(f"charged, because {reason}")
                    explained[account.currency] += there.charged
                else:
                    charged[_id_there(task)] += there
        for number, task in ours.items():
            self._judge_outcome(task, number, made.get(number, []), holders)
        for each in [*others, *(order for orders in made.values() for order in orders)]:
            self._judge_made(each, holders[each.id])
            billed = self._simulator.state(each) == "success" and bool(holders[each.id])
            if charged[each.id].tasks_charged != billed:
                self._world.wrong(
                    f"{each.id} at {each.order.dialect}: charged {charged[each.id].tasks_charged} times"
                )
            elif billed:
                self._judge_bill(each, charged[each.id], holders[each.id][0], explained)
        self._judge_sums(explained)
        self._judge_counts()
        self._count("placed", sum(map(len, made.values())))
        self._count("made elsewhere", len(others))

    def _judge_bill(self, made: Made, charged: Balance, task: Task, explained: dict[str, Decimal]) -> None:
        """The ledger has what the provider took, or the provider never said what that was."""
        units, money, currency = bill(made)
        self._billed[currency] += money
        if (charged.units_charged, charged.charged) == (units, money):
            self._count(f"billed in {currency}")
        elif task.credits is None and task.tokens is None:
            self._count("charged as expected, because the provider did not say what it took")
            explained[currency] += charged.charged - money
        else:
            self._world.wrong(
                f"{made.id}: charged {charged.units_charged} ({charged.charged}), took {units} ({money})"
            )

    def _judge_sums(self, explained: Mapping[str, Decimal]) -> None:
        """The sums of the ledger are what was billed, and each difference has a reason."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for account, there in self._ledger.summed.items():
            sums[account.currency] += there.charged
            if there.reserved or there.units_reserved:
                self._world.wrong(f"{account}: {there.reserved} is still reserved in the end")
        for currency, spent in sums.items():
            if spent != self._billed[currency] + explained[currency]:
                self._world.wrong(f"the ledger has {spent} {currency}, and {self._billed[currency]} was billed")

    def _judge_counts(self) -> None:
        """After the last repair they are what the ledger says, and a function that died left nothing behind."""
        self._world.takes(3600)
        with self._world.luck(0.0):
            wrong = self._stack.repair_counts(ALICE.owner, COUNTERS)
            self._count("counts that only the last repair set right", len(wrong))
            wrong = self._stack.repair_counts(ALICE.owner, COUNTERS, repair=False)
        if wrong or self._under_way or self._counted("at_once"):
            self._world.wrong(f"in the end {self._counted('at_once')} tasks are counted as under way; {wrong}")

    def _judge_repeats(self) -> None:
        """A repetition is a task of its own only if the one before was in vain by then."""
        before: dict[int, Task] = {}
        for task_id, number in self._world.numbers.items():
            task, earlier = self._stack.tasks.recorded[task_id], before.get(number)
            in_vain = earlier and earlier.failure and earlier.finished_at and earlier.finished_at < task.created_at
            if earlier and not in_vain:
                self._world.wrong("a repeated submission has several tasks")
            before[number] = task

    def _made(self) -> tuple[dict[int, list[Made]], list[Made]]:
        """What the providers accepted: of our clients' submissions, and elsewhere."""
        made: dict[int, list[Made]] = defaultdict(list)
        others = []
        for each in self._simulator.tasks():
            number = number_in(each.order.prompt)
            if number is None:
                others.append(each)
            else:
                made[number].append(each)
        return made, others

    def _holders(self) -> dict[str, list[Task]]:
        """The tasks that hold a result, by the provider's ids of them."""
        holders: dict[str, list[Task]] = defaultdict(list)
        for task in self._stack.tasks.recorded.values():
            if task.state is State.SUCCESS:
                holders[_id_there(task)].append(task)
        return holders

    def _judge_end(self, task: Task) -> None:
        """Of any task, adopted or not."""
        report, name = self._world.report, self._world.named(task)
        report.ended[f"{task.state}{', adopted' if task.adopted else ''}"] += 1
        if task.adopted and task.adopted.lost_task:
            self._count("adopted for the owner of an unknown outcome")
        if task.unfinished:
            self._world.wrong(f"{name}: left {task.state}, {task.dispatch.status}, {task.last_error}")
        if task.failure:
            report.failed["outcome unknown" if _is_unknown(task) else str(task.failure.reason)] += 1
        told = set(self._stack.notices.told[task.id])
        if len(told) > 1 or (not told and task.state is not State.FAILED):
            self._world.wrong(f"{name}: told of under {len(told)} ids")
        if task.state is State.SUCCESS:
            self._count("kept")
            if len(self._stack.notices.files.get(task.id, ())) != task.archived_files:
                self._world.wrong(f"{name}: not all of its files were told of")
            self._judge_files(task, name)

    def _judge_files(self, task: Task, name: str) -> None:
        for asset in _assets(task):
            file = _FILES.get(asset.name, f"{asset.name}.mp4")
            if asset.archived is None:
                self._world.wrong(f"{name}: its {asset.name} was lost: {asset.lost}")
            elif self._stack.bucket.digests[asset.archived.key] != self._stock.digest(file):
                self._world.wrong(f"{name}: its {asset.name} is not what was made")

    def _judge_outcome(self, task: Task, number: int, made: list[Made], holders: Mapping[str, list[Task]]) -> None:
        """Whether a submission ended as it did at the provider."""
        name = self._world.named(task)
        truth = self._simulator.state(made[0]) if made else None
        if _is_unknown(task):
            listed = "at a provider with a list" if task.provider in LISTING else "without a list"
            self._count(f"outcome unknown {listed}: {truth or 'never placed'} there")
            if number not in self._world.unsure:
                self._world.wrong(f"{name}: outcome unknown, though nothing happened to it")
        elif truth is None:
            wanted = "[refuse" in task.request.prompt or number in self._world.refused
            refused = task.state is State.FAILED and wanted
            self._count("never placed: " + ("refused" if refused else task.state))
            if not refused and task.state not in (State.CANCELLED, State.EXPIRED):
                self._world.wrong(f"{name}: never placed, ended as {task.state}: {task.failure}")
        elif any(each.adopted and each.adopted.lost_task == task.id for each in holders[made[0].id]):
            self._count("given up too early, and made good by adoption")
        elif task.state is not _ENDS.get(truth):
            self._world.wrong(f"{name} at {task.provider}: {truth} there, {task.state} here: {task.failure}")

    def _judge_made(self, made: Made, holders: list[Task]) -> None:
        """Whatever a provider with a list made is in the archive, whoever asked for it, and once."""
        if self._simulator.state(made) != "success":
            return
        about = f"{made.order.prompt.partition('[')[0]}at {made.order.dialect}, {made.id}"
        if len(holders) > 1:
            self._world.wrong(f"{about}: archived {len(holders)} times")
        elif not holders and made.order.dialect in LISTING:
            self._count("lost")
            self._world.wrong(f"{about}: made, and not in the archive")

    def _count(self, what: str, number: int = 1) -> None:
        self._world.report.counts[what] += number


def _assets(task: Task) -> list[Asset]:
    return [asset for creation in task.creations for asset in creation.assets]


def _id_there(task: Task) -> str:
    """As the simulator knows it, without what the formats put before it."""
    return task.provider_task_id.removeprefix("cgt-").removeprefix("vidu:")


def _is_unknown(task: Task) -> bool:
    return task.failure is not None and "outcome unknown" in task.failure.message
