"""How goods are allocated and what disturbs their supply: lead times that vary, outages of sites and lanes.

Everything here only delays goods compared with the shortest lead time, and by what happened earlier or by chance that
demand knows nothing of. So the single-stage view, with the shortest lead time, still bounds the cost from below: net
stock is S - B - W with a backlog B ≥ 0 that is independent of the demand W over the shortest lead time (MODEL §3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from math import lcm
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from design.network import Network
from design.node import LanePair
from design.streams import BLOCK, Purpose, generator, name_keys

ALLOCATIONS = ("fcfs", "priority", "fair_share")
OUTSIDE = ""


@dataclass(frozen=True)
class Outage:
    """Periods in which a site makes and takes in nothing, or nothing leaves on a lane.

    Parameters
    ----------
    places
        The site, or origin and destination of the lane.
    start, end
        First and last period, counted from 1 at the beginning of the horizon.
    """

    places: tuple[str, ...]
    start: int
    end: int

    def within(self, warm_up: int) -> slice:
        """Its periods among those of a replication."""
        return slice(warm_up + self.start - 1, warm_up + self.end)


@dataclass(frozen=True)
class Supply:
    """Rule for short nodes, and what disturbs the supply.

    Parameters
    ----------
    allocation
        Who gets what where a node is short, one of `ALLOCATIONS`.
    outages
        Of sites and lanes.
    lead_times
        Periods and their probability for lanes whose lead time varies, by places (origin "": the outside supply of a
        source); deliveries do not overtake each other.
    """

    allocation: str = ALLOCATIONS[0]
    outages: tuple[Outage, ...] = ()
    lead_times: Mapping[LanePair, tuple[tuple[int, float], ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lead_times", MappingProxyType(dict(self.lead_times)))

    def __reduce__(self) -> tuple[object, ...]:
        return (Supply, (self.allocation, self.outages, dict(self.lead_times)))

    @cached_property
    def lane_outages(self) -> dict[LanePair, tuple[Outage, ...]]:
        """Outages of each lane, by its places."""
        found: dict[LanePair, tuple[Outage, ...]] = {}
        for outage in self.outages:
            if len(outage.places) == 2:
                pair = (outage.places[0], outage.places[1])
                found[pair] = (*found.get(pair, ()), outage)
        return found

    @cached_property
    def calendars(self) -> dict[LanePair, int]:
        """Lanes, by their places, whose arrivals a sample path must state; numbered in the order of its columns."""
        return {pair: k for k, pair in enumerate(dict.fromkeys([*self.lead_times, *self.lane_outages]))}

    def longest_lead_time(self, places: LanePair, lead_time: int) -> int:
        """Of a lane with a lead time, the longest that may happen."""
        return max((periods for periods, _ in self.lead_times.get(places, ())), default=lead_time)


@dataclass(frozen=True)
class Calendars:
    """When deliveries arrive on lanes whose lead time varies or that have outages.

    Parameters
    ----------
    network
        Gives the other lead times.
    supply
        Outages and varying lead times.
    warm_up
        Periods before the horizon.
    seed, purpose
        Of the random numbers.
    """

    network: Network
    supply: Supply
    warm_up: int
    seed: int
    purpose: Purpose

    def block(self, block: int, num_periods: int) -> NDArray[np.float64]:
        """Last period whose shipments have arrived by the end of each period, -1 for none, as columns of sample paths.

        Parameters
        ----------
        block
            Of `design.streams.BLOCK` replications.
        num_periods
            Of a replication.

        Returns
        -------
        numpy.ndarray
            Shape (BLOCK, period, lane), lanes as in `Supply.calendars`.
        """
        dates = np.empty((BLOCK, num_periods, len(self.supply.calendars)))
        for pair, column in self.supply.calendars.items():
            arrivals = self._departures(pair, num_periods) + self._lead_times(pair, block, num_periods)
            arrivals = np.maximum.accumulate(arrivals, axis=1)
            for r in range(BLOCK):
                dates[r, :, column] = np.searchsorted(arrivals[r], np.arange(num_periods), side="right") - 1
        return dates

    def _departures(self, pair: LanePair, num_periods: int) -> NDArray[np.int64]:
        """When what is shipped in each period leaves."""
        leaves = np.arange(num_periods)
        for outage in sorted(self.supply.lane_outages.get(pair, ()), key=lambda one: -one.start):
            during = outage.within(self.warm_up)
            leaves[during] = leaves[during.stop] if during.stop < num_periods else num_periods
        return leaves

    def _lead_times(self, pair: LanePair, block: int, num_periods: int) -> NDArray[np.int64]:
        """Of what leaves in each period, shape (BLOCK, period)."""
        varying = self.supply.lead_times.get(pair)
        if varying is None:
            return np.full((BLOCK, num_periods), self._constant(pair))
        numbers = generator(self.seed, self.purpose, *name_keys(f"{pair[0]} -> {pair[1]}: lead time"), block)
        steps = np.array(list(accumulate(share for _, share in varying))[:-1])
        periods = np.array([periods for periods, _ in varying])
        return np.asarray(periods[np.searchsorted(steps, numbers.random((BLOCK, num_periods)), side="right")])

    def _constant(self, pair: LanePair) -> int:
        return next(lane.lead_time for lane in self.network.lanes if self.network.places(lane.pair) == pair)


def supply_warnings(network: Network, supply: Supply, horizon: int) -> Iterator[str]:
    """Why the bound is an estimate: less may be shipped than is demanded on average, or the theorem wants fcfs."""
    limited = [node.name for node in network.nodes if node.has_production_capacity]
    if limited:
        yield f"production_capacity of {limited[0]}: backlogs may still grow, the lower bound is an estimate"
    if supply.outages:
        yield f"outage of {' -> '.join(supply.outages[0].places)}: the lower bound is an estimate"
    if supply.allocation != ALLOCATIONS[0] and any(len(labels) > 1 for labels in network.inputs.values()):
        yield f"allocation {supply.allocation} in a network with assembly: the lower bound is an estimate"
    cycle = lcm(*(node.review_period for node in network.nodes))
    if horizon % cycle:
        what = f"no multiple of {cycle}, the periods of a cycle of reviews"
        yield f"horizon {horizon} is {what}: the lower bound is an estimate"


def supply_notes(network: Network, supply: Supply) -> Iterator[str]:
    """What in the supply leaves a bound but no certificate."""
    if supply.allocation != ALLOCATIONS[0]:
        yield f"allocation {supply.allocation}"
    if supply.outages:
        yield "outages"
    if supply.lead_times:
        yield "lead times that vary"
    if any(node.has_production_capacity for node in network.nodes):
        yield "production capacities"
    if any(node.review_period > 1 for node in network.nodes):
        yield "reviews every few periods"


def longest_delay(network: Network, supply: Supply) -> int:
    """Largest total time from the outside supply to any node, reviews and the longest lead times counted, periods."""
    longest: dict[str, int] = {}
    for name in network.order:
        node = network.node(name)
        own = supply.longest_lead_time((OUTSIDE, node.place), node.lead_time or 0)
        arriving = [
            longest[lane.origin] + supply.longest_lead_time(network.places(lane.pair), lane.lead_time)
            for lane in network.incoming[name]
        ]
        longest[name] = max(arriving, default=own) + node.review_period - 1
    return max(longest.values(), default=0)
