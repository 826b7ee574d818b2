"""Where callbacks go: addresses that clients gave us."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass

from reelkeep.adapters.http.outbound import BlockedAddress, NoAnswer, NotSent, Outbound
from reelkeep.domain.errors import InvalidRequest
from reelkeep.ports.notices import Unanswered

_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Destinations:
    """With `allow_private`, also addresses without TLS, and private ones: for a stack on one machine."""

    outbound: Outbound
    _: KW_ONLY
    allow_private: bool

    def check(self, url: str, field: str) -> None:
        """Raises InvalidRequest, naming the field, for what nothing can or may be sent to."""
        if not self._is_secure(url):
            raise InvalidRequest(f"{field} must be an https URL", field=field)
        try:
            self.outbound.check(url, allow_private=self.allow_private)
        except BlockedAddress as error:
            raise InvalidRequest(f"{field} cannot receive callbacks: {error}", field=field) from error
        except NotSent as error:
            raise InvalidRequest(f"{field} cannot be reached: {error}", field=field) from error

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """The answer's status. The address is vetted again: the name may lead elsewhere by now. Raises Unanswered."""
        if not self._is_secure(url):
            raise Unanswered("only https is allowed")
        try:
            return self.outbound.send(
                url, headers=headers, body=body, seconds=_SECONDS, allow_private=self.allow_private
            )
        except NoAnswer as error:
            raise Unanswered(str(error)) from error

    def _is_secure(self, url: str) -> bool:
        return self.allow_private or url.lower().startswith("https://")
