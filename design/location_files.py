"""Public location instances as cases: OR-Library's warehouse location files and Holmberg's single-source files.

A case has one dummy source that supplies every site at no cost, and no cost of stock anywhere, so that what its master
minimizes is the instance itself. All numbers of a file stand apart by blanks or line ends:

    orlib-uncapacitated   sites, customers; capacity, fixed cost of each site; then of each customer its demand and its
                          cost from every site. Capacities are not read: the published optima with capacities allow that
                          a customer is split between sites.
    holmberg              sites, customers; capacity of each site; fixed cost of each; demand of each customer; then of
                          each customer its cost from every site. A customer has one site, capacities hold.

Costs are for the whole demand of a customer (Beasley, OR-Library, 1990; Holmberg, Rönnqvist & Yuan 1999).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path

from design.case import Case
from design.demand import Demand
from design.errors import BadInputError, expected_one_of
from design.network import Network
from design.node import Lane, Node
from design.smooth_demand import NormalDemand

LOCATION_FORMATS = ("orlib-uncapacitated", "holmberg")
MOST = 100_000
_SOURCE = "source"
_UNREAD_CAPACITY = "capacity"  # the word in the place of a number in OR-Library's largest files


class LocationFileError(BadInputError):
    """Why a file cannot become a case: file, line, value and what was expected."""


@dataclass(frozen=True)
class LocationProblem:
    """What a file holds.

    Parameters
    ----------
    capacities, fixed_costs
        Of each site.
    demands
        Of each customer.
    costs
        Of each customer, its cost from every site.
    """

    capacities: tuple[float, ...]
    fixed_costs: tuple[float, ...]
    demands: tuple[float, ...]
    costs: tuple[tuple[float, ...], ...]

    def as_case(self, name: str, title: str) -> Case:
        """The case: one period, sites F1, F2, ... between the source and the customers C1, C2, ..."""
        sites = [f"F{k}" for k in range(1, len(self.fixed_costs) + 1)]
        customers = [f"C{k}" for k in range(1, len(self.demands) + 1)]
        nodes = [Node(_SOURCE, "source", lead_time=0)]
        for site, fixed, capacity in zip(sites, self.fixed_costs, self.capacities, strict=True):
            nodes.append(Node(site, "site", fixed_cost=fixed, capacity=capacity))
        nodes += [Node(customer, "customer") for customer in customers]
        lanes = [Lane(_SOURCE, site, 0, 0.0) for site in sites]
        for customer, demand, costs in zip(customers, self.demands, self.costs, strict=True):
            lanes += [_lane(site, customer, demand, cost) for site, cost in zip(sites, costs, strict=True)]
        demand_of: dict[str, Demand] = {
            name: NormalDemand(mean, 0.0) for name, mean in zip(customers, self.demands, strict=True)
        }
        return Case(name, title, Network(tuple(nodes), tuple(lanes), tuple(customers)), demand_of, 1, 0)


def _lane(site: str, customer: str, demand: float, cost: float) -> Lane:
    """A lane whose transport cost is that of the whole demand; a fixed cost where there is none to carry it."""
    if demand > 0.0:
        return Lane(site, customer, 0, cost / demand)
    return Lane(site, customer, 0, 0.0, fixed_cost=cost)


def read_location(path: Path, kind: str) -> LocationProblem:
    """Read a file.

    Parameters
    ----------
    path
        The file.
    kind
        One of `LOCATION_FORMATS`.

    Raises
    ------
    LocationFileError
        Naming line and value.
    """
    if kind not in LOCATION_FORMATS:
        raise LocationFileError(f"format {kind!r}: {expected_one_of(kind, LOCATION_FORMATS)}")
    numbers = _Numbers(path)
    num_sites, num_customers = numbers.count("number of sites"), numbers.count("number of customers")
    if num_sites * num_customers > MOST:
        raise LocationFileError(
            f"{path}: {num_sites} sites, {num_customers} customers: expected at most {MOST:,} pairs"
        )
    if kind == "holmberg":
        capacities = numbers.row("capacity", num_sites)
        fixed_costs = numbers.row("fixed cost", num_sites)
        demands = numbers.row("demand", num_customers)
        costs = tuple(numbers.row("cost", num_sites) for _ in range(num_customers))
    else:
        fixed_costs = tuple(numbers.fixed_cost_after_capacity() for _ in range(num_sites))
        capacities = (inf,) * num_sites
        of_customers = [numbers.row("demand or cost", 1 + num_sites) for _ in range(num_customers)]
        demands, costs = tuple(row[0] for row in of_customers), tuple(row[1:] for row in of_customers)
    numbers.expect_end()
    return LocationProblem(capacities, fixed_costs, demands, costs)


class _Numbers:
    """The numbers of a file one after the other, with the lines they stand in."""

    def __init__(self, path: Path) -> None:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise LocationFileError(f"{path}: {error.strerror or error}: expected a file that can be read") from None
        except UnicodeDecodeError:
            raise LocationFileError(f"{path}: expected a text file of numbers") from None
        self._path = path
        self._words = ((number, word) for number, line in enumerate(text.splitlines(), 1) for word in line.split())

    def count(self, what: str) -> int:
        """A whole number, at least 1."""
        line, word = self._next(what)
        if not word.isdecimal() or not 1 <= int(word) <= MOST:
            raise self._error(line, what, word, f"a whole number from 1 to {MOST:,}")
        return int(word)

    def row(self, what: str, count: int) -> tuple[float, ...]:
        """So many numbers, at least 0."""
        return tuple(self._number(what) for _ in range(count))

    def fixed_cost_after_capacity(self) -> float:
        """The second of a pair; the first may be a word."""
        line, word = self._next("capacity")
        if word != _UNREAD_CAPACITY:
            self._parsed(line, "capacity", word)
        return self._number("fixed cost")

    def expect_end(self) -> None:
        """Refuse what follows."""
        for line, word in self._words:
            raise self._error(line, "end of the file", word, "nothing after the last customer's costs")

    def _number(self, what: str) -> float:
        line, word = self._next(what)
        return self._parsed(line, what, word)

    def _parsed(self, line: int, what: str, word: str) -> float:
        try:
            value = float(word)
        except ValueError:
            value = -1.0
        if not isfinite(value) or value < 0.0:
            raise self._error(line, what, word, "a number, at least 0")
        return value

    def _next(self, what: str) -> tuple[int, str]:
        found = next(self._words, None)
        if found is None:
            raise LocationFileError(f"{self._path}: ends where a {what} was expected")
        return found

    def _error(self, line: int, what: str, word: str, expected: str) -> LocationFileError:
        return LocationFileError(f"{self._path}: line {line}: {what} {word!r}: expected {expected}")
