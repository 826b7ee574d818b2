"""Importing: what a provider still holds, and this stack does not, becomes tasks that the stack archives.

The stack itself adopts what providers list of the last days, every hour. An import goes back as far as the provider's
list, and asks for each video whether it can still be fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer

from cli.errors import CommandError, Misused, NothingFound
from cli.operators.stack import Place, Stack
from cli.options import Here, Json, moment
from cli.output import Progress, counted, note, print_json, size
from cli.parallel import in_parallel
from cli.world import World
from reelkeep.domain import ids
from reelkeep.domain.observation import Listed, Pending, Succeeded
from reelkeep.domain.task import Dispatch, DispatchStatus, Kind, Request, State, Task
from reelkeep.ports.platform import Clock
from reelkeep.ports.providers import Provider, Providers
from reelkeep.ports.tasks import Executions, Tasks

if TYPE_CHECKING:
    from reelkeep.adapters.providers.configured import ConfiguredProviders

_LONG_AGO: Final = timedelta(days=3650)
_LINKS_LIVE: Final = timedelta(hours=1)  # at least, of a video that could be fetched a moment ago
_PROBES: Final = 8  # videos that are looked for at once
_PAUSE: Final = 2.0  # seconds between two looks at what is being archived
_BATCH: Final = 100
_HOURS_TO_COPY: Final = timedelta(hours=2)
ProviderName = Annotated[
    str, typer.Argument(metavar="PROVIDER", help="As `providers check` shows it.", show_default=False)
]
OwnerName = Annotated[
    str, typer.Option("--owner", metavar="OWNER", help="The owner; by default the provider's adopt_for.")
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait until they are in the archive.")]


def import_(
    world: Here,
    place: Place,
    provider: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PROVIDER]...", help="Without one, all of them.", show_default=False),
    ] = None,
    owner: OwnerName = "",
    since: Annotated[
        str, typer.Option("--since", metavar="WHEN", help="Only what was made since, as 2026-11-21 or 30d.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would be imported.")] = False,
    no_wait: NoWait = False,
    json: Json = False,
) -> None:
    """Archive everything that the providers still hold and this stack does not.

    Interrupt it whenever you like: it goes on where it stopped, and imports nothing twice.
    """
    oldest = moment(since, "--since") if since else None
    _import(world, place, provider or (), owner, oldest=oldest, dry_run=dry_run, wait=not no_wait, json=json)


def adopt(
    world: Here,
    place: Place,
    provider: ProviderName,
    id: Annotated[str, typer.Argument(metavar="ID", help="The task's id at the provider.", show_default=False)],
    owner: OwnerName = "",
    no_wait: NoWait = False,
    json: Json = False,
) -> None:
    """Archive one task that was made elsewhere, by its id at the provider."""
    _import(world, place, [provider], owner, only=id, wait=not no_wait, json=json)


def _import(
    world: World,
    stack: Stack,
    names: Sequence[str],
    owner: str,
    *,
    only: str = "",
    oldest: datetime | None = None,
    dry_run: bool = False,
    wait: bool,
    json: bool,
) -> None:
    configured = configured_providers(stack, names)
    with Progress() as progress:
        result = Import(
            tasks=_tasks(stack),
            providers=cast("Providers", configured),
            executions=executions_of(stack),
            clock=lambda: datetime.now(UTC),
            names=frozenset(names),
            owner=owner,
            oldest=oldest,
            only=only,
            dry_run=dry_run,
            said=progress.show,
        )()
        if only and result.gone:
            raise NothingFound(f"{names[0]} has no video of the task {only} that can be fetched")
        archived = _archived(stack, result.imported, progress, world.sleep) if wait and not dry_run else []
    _report(result, archived, dry_run=dry_run, waited=wait, json=json)


@dataclass
class Imported:
    listed: int = 0  # successes that the providers show
    known: int = 0  # of them, that a task holds
    gone: int = 0  # whose videos cannot be fetched any more
    young: int = 0  # of the last minutes, or maybe of a submission under way: the stack adopts them by itself
    left: int = 0  # for another time
    imported: list[str] = field(default_factory=list)  # the new tasks' ids
    unread: dict[str, str] = field(default_factory=dict)  # why a provider's list was not read to its end


@dataclass
class Import:
    """Has the service that adopts look at more than it does by itself."""

    tasks: Tasks
    providers: Providers
    executions: Executions
    clock: Clock
    names: frozenset[str] = frozenset()  # of providers; all if empty
    owner: str = ""
    oldest: datetime | None = None  # what was made before is left alone
    only: str = ""  # the one task's id at the provider
    dry_run: bool = False
    said: Callable[[str], None] = lambda _: None
    result: Imported = field(default_factory=Imported)

    def __call__(self) -> Imported:
        from reelkeep.services.adopt import Adopt

        adopt = Adopt(self.tasks, cast("Providers", self), cast("Executions", self), self.clock)
        if self.dry_run:
            for account in self.accounts():
                for provider in account:
                    self.result.imported += [
                        each.provider_task_id for each in self._successes(provider, self.clock())
                    ]
            return self.result
        adopted = adopt(seconds_left=lambda: 1e9)
        result = self.result
        result.left, result.unread = adopted.left, dict(adopted.unread)
        result.young = result.listed - result.known - result.gone - result.left - len(result.imported)
        return result

    # --- what `Adopt` sees as its providers and its executions ---

    def accounts(self) -> list[list[Any]]:
        """One provider of each account: others of it list the same."""
        found = []
        for account in self.providers.accounts():
            chosen = [each for each in account if not self.names or each.name in self.names]
            if chosen:
                found.append([_Deep(chosen[0], self, tuple(each.name for each in account))])
        return found

    def start(self, task: Task, wait_seconds: int, provider_task_id: str = "") -> None:
        self.executions.start(task, wait_seconds, provider_task_id)
        self.result.imported.append(task.id)
        self.said(f"{counted(len(self.result.imported), 'task')} taken in")

    # --- what is worth it ---

    def _successes(self, provider: _Deep, now: datetime) -> Iterator[Listed]:
        if self.only:
            listed: Iterator[Listed] = iter([_listed(self.only)])
        else:
            listed = provider.provider.successes(self.oldest or now - _LONG_AGO, now)

        def look(each: Listed) -> Listed | None:
            known = [
                task for name in provider.names for task in self.tasks.by_provider_task(name, each.provider_task_id)
            ]
            if any(not task.state.terminal or task.state is State.SUCCESS or task.adopted for task in known):
                self.result.known += 1
                return None
            alive = _alive(each, provider.provider, now)
            self.result.gone += alive is None
            return alive

        faults = list[Exception]()

        def readable() -> Iterator[Listed]:
            """What came before a fault is looked at first."""
            try:
                yield from listed
            except Exception as fault:  # the account's, which `Adopt` reports
                faults.append(fault)

        for found in in_parallel(look, readable(), workers=_PROBES):
            self.result.listed += 1
            self.said(f"{counted(self.result.listed, 'video')} listed, {self.result.known:,} here already")
            if found is not None:
                yield found
        for fault in faults:
            raise fault


@dataclass
class _Deep:
    """A provider that lists what it has of all times, as far as its videos can be fetched."""

    provider: Provider
    importing: Import
    names: tuple[str, ...]  # of all providers of the same account

    @property
    def adopt_for(self) -> str:
        return self.importing.owner or self.provider.adopt_for or "adopted"

    def successes(self, _: datetime, now: datetime) -> Iterator[Listed]:
        return self.importing._successes(self, now)

    def __getattr__(self, name: str) -> Any:
        """In everything else it is that provider."""
        return getattr(self.provider, name)


def _listed(provider_task_id: str) -> Listed:
    """A task that nobody listed, as if the list said no more than its id."""
    request = Request(dialect="", kind=Kind.TEXT2VIDEO)
    return Listed(provider_task_id=provider_task_id, created_at=None, request=request, seen=Pending(State.PROCESSING))


def _alive(listed: Listed, provider: Provider, now: datetime) -> Listed | None:
    """With links that lead to videos, fresh ones if need be; None if there are none any more."""
    if isinstance(listed.seen, Succeeded) and _has_videos(listed.seen, provider):
        return replace(listed, seen=_living(listed.seen, now))
    seen = provider.observe(probe(listed, provider.name, provider.account, now))
    if isinstance(seen, Succeeded) and _has_videos(seen, provider):
        return replace(listed, seen=_living(seen, now))
    return None


def _has_videos(seen: Succeeded, provider: Provider) -> bool:
    videos = [creation.asset("video") for creation in seen.creations]
    return bool(videos) and all(video is not None and provider.has_file(video) for video in videos)


def _living(seen: Succeeded, now: datetime) -> Succeeded:
    """Who adopts believes that an old task's links are dead, unless they say how long they live."""
    soon = now + _LINKS_LIVE
    creations = tuple(
        replace(
            creation, assets=tuple(replace(a, expires_at=max(a.expires_at or soon, soon)) for a in creation.assets)
        )
        for creation in seen.creations
    )
    return replace(seen, creations=creations)


def probe(listed: Listed, provider: str, account: str, now: datetime) -> Task:
    """As much of a task as it takes to ask for it."""
    return Task(
        id=ids.adopted_task_id(provider, listed.provider_task_id, now),
        owner="",
        key_id="",
        provider=provider,
        request=listed.request,
        created_at=now,
        updated_at=now,
        deadline=now + _HOURS_TO_COPY,
        state=State.PROCESSING,
        dispatch=Dispatch(status=DispatchStatus.ACCEPTED, account=account),
        provider_task_id=listed.provider_task_id,
    )


@dataclass(frozen=True)
class _Text:
    text: str

    def value(self) -> str:
        return self.text


def configured_providers(stack: Stack, names: Sequence[str]) -> ConfiguredProviders:
    from reelkeep.adapters.http.outbound import Outbound
    from reelkeep.adapters.providers.configured import ConfiguredProviders
    from reelkeep.dialects import upstream

    configured = ConfiguredProviders(_Text(stack.providers()), upstream, Outbound())
    known = [each.name for each in configured.all()]
    for name in names:
        if name not in known:
            raise Misused(f"there is no provider {name!r}; there are {', '.join(known)}")
    return configured


def _tasks(stack: Stack) -> Tasks:
    from reelkeep.adapters.dynamodb.tasks import TableTasks

    return TableTasks(stack.dynamodb(2 * _PROBES), stack.table)


def executions_of(stack: Stack) -> Executions:
    from reelkeep.adapters.executions import StepFunctionsExecutions

    return StepFunctionsExecutions(stack.client("stepfunctions"), stack.needed("state_machine_arn"))


def _archived(
    stack: Stack, task_ids: Sequence[str], progress: Progress, sleep: Callable[[float], None]
) -> list[Task]:
    """The tasks once all of them have ended."""
    tasks, done, left = _tasks(stack), list[Task](), list(task_ids)
    while left:
        found = [task for n in range(0, len(left), _BATCH) for task in tasks.get_all(left[n : n + _BATCH])]
        done += [task for task in found if task.state.terminal]
        left = [task.id for task in found if not task.state.terminal]
        progress.show(f"{len(done):,} of {counted(len(task_ids), 'video')} archived, {size(_bytes(done))}")
        if left:
            sleep(_PAUSE)
    return done


def _bytes(tasks: Sequence[Task]) -> int:
    return sum(asset.archived.bytes for task in tasks for asset in task.assets if asset.archived)


def _report(result: Imported, archived: Sequence[Task], *, dry_run: bool, waited: bool, json: bool) -> None:
    kept = [task for task in archived if task.state is State.SUCCESS]
    if json:
        print_json({**asdict(result), "archived": len(kept), "bytes": _bytes(kept)})
    else:
        print(
            f"{counted(result.listed, 'video')} listed: {result.known:,} here already, {result.gone:,} gone,"
            f" {len(result.imported):,} {'would be imported' if dry_run else 'imported'}"
            f"{f', {result.young:,} left to the stack, which adopts what is new' if result.young else ''}"
        )
        if waited and not dry_run and result.imported:
            print(f"{len(kept):,} of them archived, {size(_bytes(kept))}")
        for name, reason in result.unread.items():
            note(f"the list of {name} was not read to its end: {reason}")
    if waited and len(kept) < len(archived):
        raise CommandError(
            f"{counted(len(archived) - len(kept), 'video')} could not be archived: see `reelkeep status`"
        )
    if result.unread or result.left:
        raise CommandError("not everything was imported: run this once more")
