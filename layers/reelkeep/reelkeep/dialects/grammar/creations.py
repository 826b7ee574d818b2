"""A creation's files: where a provider has them, and where clients find them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from reelkeep.dialects.grammar import lenient
from reelkeep.domain.expiry import link_expiry
from reelkeep.domain.links import Links
from reelkeep.domain.observation import Listed, ListedPage, Observation
from reelkeep.domain.task import Asset, Creation, Request
from reelkeep.domain.wire import Json

Said = Mapping[str, Json]


def assets(sources: Mapping[str, Json]) -> tuple[Asset, ...]:
    """Those that a link was given for."""
    links = ((name, lenient.link(source)) for name, source in sources.items())
    return tuple(Asset(name=name, source=link, expires_at=link_expiry(link)) for name, link in links if link)


def kept_links(creation: Creation, links: Links) -> dict[str, str]:
    """The permanent links to what is in the archive, by the assets' names."""
    return {asset.name: links(asset.kept) for asset in creation.assets if asset.kept}


def successes(
    items: Sequence[Json],
    *,
    made: Callable[[Said], bool],
    id_of: Callable[[Said], str],
    read: Callable[[Said], tuple[Request, Observation]],
    ended_at: str = "",
    since: datetime | None = None,
) -> ListedPage:
    """The successes among these items of a list; of those whose end has a name, the ones that ended since then."""
    rows = [item for item in items if isinstance(item, dict)]
    found, unreadable = [], len(items) - len(rows)
    for said in filter(made, rows):
        task_id, created_at = id_of(said), lenient.moment(said.get("created_at"))
        if not task_id or created_at is None:
            unreadable += 1
            continue
        if since is None or (lenient.moment(said.get(ended_at)) or created_at) >= since:
            request, seen = read(said)
            found.append(Listed(provider_task_id=task_id, created_at=created_at, request=request, seen=seen))
    return ListedPage(tuple(found), unreadable=unreadable)
