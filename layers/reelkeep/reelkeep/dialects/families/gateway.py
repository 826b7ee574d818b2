"""Gateways that resell video models under OpenAI's paths, as their client knows them: new-api above all.

They answer in more shapes than one, by their release and by the path that is asked. All of them are understood at
either path. Source: github.com/QuantumNous/new-api (controller/, relay/, dto/), its issues 5266 and 7194.
"""

from __future__ import annotations

import re
from dataclasses import replace

from reelkeep.dialects.families.client import Client, segment
from reelkeep.dialects.families.creations import creation
from reelkeep.dialects.families.lenient import JsonObject
from reelkeep.domain.task import Creation, FailureClass, Request
from reelkeep.domain.wire import Json

_CONTENT = re.compile(r"(?:https?://[^/?#]+)?(?:/[^?#]*)?/v1/videos/[^/?#]+/content(?:[?#].*)?")


class Gateway(Client):
    never_accepted = frozenset({"model_not_found", "get_channel_failed"})  # by any channel
    retryable = Client.retryable | {FailureClass.PROVIDER}

    def forwarded_body(self, request: Request) -> dict[str, Json]:
        """Without what is ours in its metadata, too."""
        body = super().forwarded_body(request)
        if isinstance(metadata := body.get("metadata"), dict):
            body["metadata"] = {name: value for name, value in metadata.items() if name != "callback_url"}
        return body

    def creations(self, task: JsonObject) -> tuple[Creation, ...]:
        """What has no link is at the path under which the gateway itself hands out files, to whoever has its key.

        Some releases give no link, some give one to that path under a host of their own idea; old ones hide the link
        where the reason of a failure would be.
        """
        task_id, found = self.task_id(task), super().creations(task)
        hidden = task.link("fail_reason")
        if not found and "://" in hidden:
            return (creation(task_id or "1", JsonObject({"url": hidden}), task),)
        if not task_id or any(not _CONTENT.fullmatch(asset.source) for made in found for asset in made.assets[:1]):
            return found
        content = JsonObject({"url": f"./v1/videos/{segment(task_id)}/content"})
        made = creation(task_id, content, task)
        video = replace(made.assets[0], expires_at=task.moment("expires_at"))
        return (replace(made, assets=(video, *made.assets[1:])),)
