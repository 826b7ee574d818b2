"""How permanent links are made: with the secret as it is now, at the address that clients reach."""

from __future__ import annotations

from reelkeep.adapters.secrets import Secret
from reelkeep.domain.links import Links, path_of
from reelkeep.domain.task import ArchivedFile


def permanent_links(secret: Secret, public_url: str) -> Links:
    def link(kept: ArchivedFile) -> str:
        return public_url + path_of(kept.key, secret.value().encode(), kept.link_epoch)

    return link
