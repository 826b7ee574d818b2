"""What changes tasks that are there: cancelled, tagged, starred, hidden, brought back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from cli.api import Task, quoted
from cli.errors import CommandError, Misused
from cli.options import Connected, Json
from cli.output import confirmed, counted, note, print_json

TaskIds = Annotated[list[str], typer.Argument(metavar="ID...", help="The tasks' ids.", show_default=False)]


def cancel(api: Connected, tasks: TaskIds, json: Json = False) -> None:
    """Cancel tasks that have not ended."""
    _each(tasks, lambda id: api.post(f"{_path(id)}/cancel"), lambda task: f"is {task['state']}", json=json)


def tag(
    api: Connected,
    tasks: TaskIds,
    add: Annotated[
        list[str] | None, typer.Option("--add", metavar="TAG", help="Put this one on; repeatable.")
    ] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", metavar="TAG", help="Take this one off; repeatable.")
    ] = None,
    json: Json = False,
) -> None:
    """Put tags on tasks, or take them off."""
    if not add and not remove:
        raise Misused("nothing is to be changed: give --add or --remove")

    def change(id: str) -> Task:
        tags = [each for each in api.task(id)["tags"] if each not in (remove or ())]
        return dict(api.patch(_path(id), {"tags": [*dict.fromkeys([*tags, *(add or ())])]}))

    _each(tasks, change, lambda task: f"has the tags {' '.join(task['tags']) or '-'}", json=json)


def star(
    api: Connected,
    tasks: TaskIds,
    off: Annotated[bool, typer.Option("--off", help="Take the star away.")] = False,
    json: Json = False,
) -> None:
    """Star tasks."""
    said = "is not starred" if off else "is starred"
    _each(tasks, lambda id: api.patch(_path(id), {"starred": not off}), lambda _: said, json=json)


def hide(api: Connected, tasks: TaskIds, json: Json = False) -> None:
    """Hide tasks: no list shows them, their files stay, and those under way go on.

    `restore` undoes it for 30 days.
    """
    _each(tasks, lambda id: api.delete(_path(id)) or {"id": id}, lambda _: "is hidden", json=json)


def restore(api: Connected, tasks: TaskIds, json: Json = False) -> None:
    """Bring hidden tasks back."""
    _each(tasks, lambda id: api.post(f"{_path(id)}/restore"), lambda _: "is back", json=json)


def revoke_links(api: Connected, tasks: TaskIds, json: Json = False) -> None:
    """Make the permanent links of tasks lead nowhere, and give new ones."""
    said = "has new links; the old ones are dead"
    _each(tasks, lambda id: api.post(f"{_path(id)}/revoke-links"), lambda _: said, json=json)


def erase(
    api: Connected,
    tasks: TaskIds,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Erase tasks with all their files, for good. Nothing brings them back; `hide` can be undone."""
    if not yes and not confirmed(f"Erase {counted(len(tasks), 'task')} and all files of them for good?"):
        raise CommandError("nothing was erased; --yes does not ask")
    _each(tasks, lambda id: {**api.post(f"{_path(id)}/erase"), "id": id}, lambda _: "is erased", json=json)


def _each(task_ids: Sequence[str], change: Callable[[str], Task], said: Callable[[Task], str], *, json: bool) -> None:
    """One after the other; one that cannot be changed keeps no other from it, and its error is raised at the end."""
    changed, errors = list[Task](), list[CommandError]()
    for task_id in task_ids:
        try:
            changed.append(change(task_id))
        except Misused:
            raise
        except CommandError as error:
            errors.append(type(error)(f"{task_id}: {error}" if task_id not in str(error) else str(error)))
    if json:
        print_json(changed)
    else:
        for task in changed:
            print(f"{task['id']} {said(task)}.")
    for each in errors[:-1]:
        note(f"error: {each}")
    if errors:
        raise errors[-1]


def _path(task_id: str) -> str:
    return f"/tasks/{quoted(task_id)}"
