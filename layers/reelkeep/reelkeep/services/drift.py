"""Drift: compare the balances that providers tell with the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from reelkeep.domain import drift
from reelkeep.domain.drift import Spent
from reelkeep.domain.notices import alerts
from reelkeep.ports.notices import Notices
from reelkeep.ports.owners import Ledger
from reelkeep.ports.platform import Clock, Report
from reelkeep.ports.providers import Balances, Provider, Providers

_UNITS = ("credits", "units")  # in which accounts have something left; an account counts in one


@dataclass(frozen=True, slots=True)
class CompareBalances:
    """Asks each account that tells for its balance, once an hour at most. Operators hear of drift by an alarm, and by
    an event whose id is the same if it is repeated."""

    providers: Providers
    ledger: Ledger
    balances: Balances
    notices: Notices
    report: Report
    clock: Clock

    def __call__(self) -> dict[str, str]:
        """What each account has left, and what nobody can explain of it. Whatever is odd about one costs that one
        only."""
        found: dict[str, str] = {}
        for account in self.providers.accounts():
            try:
                found |= self._compare(account, self.clock())
            except Exception as fault:
                found[account[0].name] = repr(fault)
        return found

    def _compare(self, account: Sequence[Provider], now: datetime) -> dict[str, str]:
        before = self.balances.last(account[0].account)
        if before and now - before.at < drift.EVERY:
            return {}
        answers = ((each, each.ask_balance()) for each in account)  # the formats at one address may differ
        told = [(each, balance) for each, balance in answers if balance is not None]
        if not told:
            return {}
        teller, balance = min(told, key=lambda answer: answer[1].late)
        names = {each.name for each in account}
        spent = {str(day): self._spent(str(day), names) for day in drift.days(now)}  # after the balance was read
        reading, found = drift.compared(before, balance, spent, now)
        if found:
            event = alerts.drift(teller.name, balance.unit, found)
            self.notices.publish(event, alerts.provider_attributes(event))
        self.balances.save(teller.account, reading)
        self.report(teller.name, "ProviderDrift", float(found.unexplained) if found else 0.0)
        unexplained = f", {found.unexplained:f} of drift" if found else ""
        return {teller.name: f"{balance.left:f} {balance.unit}{unexplained}"}

    def _spent(self, day: str, providers: set[str]) -> Spent:
        spent = Spent(day=day)
        for account, balance in self.ledger.sums(datetime.fromisoformat(day).date(), None):
            if account.provider in providers and account.unit in _UNITS:
                spent += Spent(day=day, reserved=balance.units_reserved, charged=balance.units_charged)
        return spent
