"""Nodes as they are reached over the paths from a source: the tree that the echelon bound runs over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from design.network import Network

Path = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Stage:
    """A node as it is reached over one path from a source.

    Parameters
    ----------
    path
        From the source to this node.
    lead_time
        Of the outside supply or of the last lane, periods.
    serves_customers
        Whether it faces customers itself.
    below
        Stages it can supply; none makes it a leaf.
    """

    path: Path
    lead_time: int
    serves_customers: bool
    below: tuple[Stage, ...]

    @property
    def name(self) -> str:
        """The node."""
        return self.path[-1]

    @property
    def key(self) -> tuple[str, int]:
        """Node and lead time: what a leaf's table hangs on."""
        return (self.path[-1], self.lead_time)

    def inner(self) -> Iterator[Stage]:
        """Stages from here down that can supply others, each after its supplier."""
        if self.below:
            yield self
            for stage in self.below:
                yield from stage.inner()

    def service_paths(self) -> Iterator[Path]:
        """Paths that end at a customer, through this stage."""
        if self.serves_customers:
            yield self.path
        for stage in self.below:
            yield from stage.service_paths()


def stage_tree(network: Network, source: str) -> Stage:
    """All paths from a source to customers."""

    def stage(path: Path, lead_time: int) -> Stage:
        lanes = [lane for lane in network.outgoing[path[-1]] if network.reachable_customers[lane.destination]]
        below = tuple(stage((*path, lane.destination), lane.lead_time) for lane in lanes)
        return Stage(path, lead_time, path[-1] in network.customers, below)

    return stage((source,), network.node(source).lead_time or 0)
