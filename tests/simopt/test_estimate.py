"""Intervals by hand: of a relative gap."""

from math import inf, isnan

import pytest

from simopt.simulation.estimate import Estimate, gap_interval


def test_the_interval_of_a_gap_takes_both_ends_of_both_intervals():
    low, high = gap_interval(Estimate(100.0, 1.0, 64), 90.0, 2.0)
    assert low == pytest.approx((99.0 - 92.0) / 99.0)
    assert high == pytest.approx((101.0 - 88.0) / 101.0)


def test_an_exact_cost_and_an_exact_bound_give_an_exact_gap():
    assert gap_interval(Estimate(100.0, 0.0, 64), 90.0, 0.0) == pytest.approx((0.1, 0.1))


def test_nothing_that_costs_nothing_has_a_gap():
    assert gap_interval(Estimate(0.0, 0.0, 64), 0.0, 0.0) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("cost", "half_width"),
    [
        (Estimate(100.0, inf, 1), 0.0),
        (Estimate(100.0, 100.0, 2), 0.0),
        (Estimate(100.0, 200.0, 2), 0.0),
        (Estimate(100.0, 1.0, 64), inf),
        (Estimate(0.0, 0.0, 64), 1.0),
    ],
    ids=["one replication", "cost down to 0", "cost below 0", "one batch", "no cost and an uncertain bound"],
)
def test_half_widths_that_leave_the_gap_open_give_no_interval(cost, half_width):
    found = gap_interval(cost, 0.0, half_width)
    assert found is None or not any(map(isnan, found))
    assert found is None
