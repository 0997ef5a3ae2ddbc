"""The global queue of a planning world: events in the order of period, priority and insertion.

Within a period (MODEL: one period t): customers' demand appears; sites plan from the customers up, so that orders
travel up at once; then, from the sources down, goods arrive at a site and it ships; in the end all close their books.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import count

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Kind(IntEnum):
    """What happens."""

    DEMAND = 0
    PLAN = 1
    ARRIVAL = 2
    SHIP = 3
    CLOSE = 4


@dataclass(frozen=True, eq=False)
class Event:
    """Something that happens to all products of a place in all replications.

    Parameters
    ----------
    kind
        What.
    where
        Number of the link for an arrival, of the site otherwise.
    units
        That arrive, in units of the link's origin, shape (replication, product); None otherwise.
    """

    kind: Kind
    where: int
    units: Floats | None = None


@dataclass
class EventQueue:
    """Events to come.

    Parameters
    ----------
    num_sites
        Sites are numbered so that each comes after its suppliers.
    """

    num_sites: int
    _heap: list[tuple[int, int, int, Event]] = field(default_factory=list)
    _inserted: count[int] = field(default_factory=count)

    def push(self, period: int, site: int, event: Event) -> None:
        """Add an event of a site."""
        heapq.heappush(self._heap, (period, self._priority(event.kind, site), next(self._inserted), event))

    def pop(self) -> tuple[int, Event]:
        """Take the next event, with its period."""
        period, _, _, event = heapq.heappop(self._heap)
        return period, event

    def __bool__(self) -> bool:
        return bool(self._heap)

    def _priority(self, kind: Kind, site: int) -> int:
        size = self.num_sites
        if kind is Kind.DEMAND:
            return site
        if kind is Kind.PLAN:
            return 2 * size - 1 - site
        if kind is Kind.CLOSE:
            return 4 * size + site
        return 2 * size + 2 * site + (kind is Kind.SHIP)
