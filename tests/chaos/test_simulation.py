from __future__ import annotations

import pytest

from tests.chaos.simulation import simulate


@pytest.mark.parametrize("seed", range(3))
def test_days_of_bad_luck_lose_nothing_and_pay_for_nothing_twice(
    seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    report = simulate(seed, 300)
    with capsys.disabled():
        print(f"\n{report}")
    assert report.wrong == []
    assert report.ended["success"] > 200
    assert report.ended["success, adopted"] > 5
    assert sum(report.happened.values()) > 500


def test_a_seed_gives_the_same_days_again_and_another_one_others() -> None:
    days = simulate(7, 40)
    assert simulate(7, 40) == days
    assert simulate(8, 40).happened != days.happened
