"""Networks of candidate lanes and the designs chosen from them (MODEL: network and decision)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from math import inf

from scipy.cluster.hierarchy import DisjointSet

from design.errors import CycleInNetworkError, NetworkError, expected_one_of
from design.node import Lane, LanePair, Node
from design.storage import SharedStorage, join_by_storage


@dataclass(frozen=True)
class Component:
    """A source with every node it serves in a design: the unit that is simulated and priced.

    A tree; where nodes assemble inputs of several suppliers, everything that lanes connect, with all its sources.

    Parameters
    ----------
    source
        Name of the source, of the first one where there are several.
    lanes
        The lanes of its tree, in the network's order; of all trees, one after the other.
    trees
        Where several trees keep stock in common storage, each as a component of its own; else empty.
    """

    source: str
    lanes: tuple[LanePair, ...]
    trees: tuple[Component, ...] = ()

    @classmethod
    def joined(cls, trees: tuple[Component, ...]) -> Component:
        """Trees that keep stock in common storage, as one component; a single tree stays what it is."""
        if len(trees) == 1:
            return trees[0]
        return cls(trees[0].source, tuple(pair for tree in trees for pair in tree.lanes), trees)

    @property
    def each(self) -> tuple[Component, ...]:
        """Its trees, itself where it is one."""
        return self.trees or (self,)

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """The sources, then every node served, each after its suppliers; tree by tree."""
        if self.trees:
            return tuple(name for tree in self.trees for name in tree.nodes)
        missing, below = Counter(destination for _, destination in self.lanes), dict[str, list[str]]()
        for origin, destination in self.lanes:
            below.setdefault(origin, []).append(destination)
        names = list(dict.fromkeys([self.source, *(origin for origin in below if origin not in missing)]))
        for name in names:
            missing.subtract(below.get(name, ()))
            names.extend(destination for destination in below.get(name, ()) if missing[destination] == 0)
        return tuple(names)

    @cached_property
    def suppliers(self) -> dict[str, tuple[str, ...]]:
        """Suppliers of each node, none of a source."""
        found: dict[str, tuple[str, ...]] = dict.fromkeys(self.nodes, ())
        for origin, destination in self.lanes:
            found[destination] += (origin,)
        return found

    @cached_property
    def supplier(self) -> dict[str, str]:
        """Supplier of each node but the source; ValueError where nodes have several."""
        found = {destination: origin for origin, destination in self.lanes}
        if len(found) < len(self.lanes):
            raise ValueError("expected a tree, got a component with assembly")
        return found

    def customers_through(self, customers: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        """Which of `customers` each node of the component serves, itself included, in their order."""
        below: dict[str, set[str]] = {name: {name} & set(customers) for name in self.nodes}
        for name in reversed(self.nodes):
            for supplier in self.suppliers[name]:
                below[supplier] |= below[name]
        return {name: tuple(c for c in customers if c in below[name]) for name in self.nodes}


@dataclass(frozen=True)
class Design:
    """Which lanes are used; made by `Network.design`, which checks it.

    Parameters
    ----------
    components
        One tree per used source, ordered by the source's place in the network; trees that share storage, and those
        whose goods meet in assembly, are one.
    """

    components: tuple[Component, ...]

    @cached_property
    def lanes(self) -> tuple[LanePair, ...]:
        """All used lanes, component by component."""
        return tuple(pair for component in self.components for pair in component.lanes)

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """All used nodes, component by component."""
        return tuple(name for component in self.components for name in component.nodes)


@dataclass(frozen=True)
class Network:
    """Candidate nodes and lanes without cycles, and which nodes face customers.

    Parameters
    ----------
    nodes, lanes
        Candidates in the order of the case's tables.
    customers
        Names of the nodes that face customers, in the order of the demand table.

    Raises
    ------
    NetworkError
        For duplicate or unknown names, a cycle, a quantity of 0 or less, or a source without a lead time.
    """

    nodes: tuple[Node, ...]
    lanes: tuple[Lane, ...]
    customers: tuple[str, ...]

    def __post_init__(self) -> None:
        _refuse_duplicates("node", [node.name for node in self.nodes])
        _refuse_duplicates("lane", [lane.pair for lane in self.lanes])
        _refuse_duplicates("customer", list(self.customers))
        known = {node.name for node in self.nodes}
        for name in [end for lane in self.lanes for end in lane.pair] + list(self.customers):
            if name not in known:
                raise NetworkError(f"unknown node {name!r}: {expected_one_of(name, sorted(known))}")
        for lane in self.lanes:
            if not lane.quantity > 0.0:
                raise NetworkError(
                    f"lane {lane.origin} -> {lane.destination}: quantity {lane.quantity}: expected above 0"
                )
        for name in self.sources:
            if self.node(name).lead_time is None:
                raise NetworkError(f"node {name!r} has no incoming lane, so it needs a lead_time")
        _ = self.order

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def _by_pair(self) -> dict[LanePair, Lane]:
        return {lane.pair: lane for lane in self.lanes}

    def node(self, name: str) -> Node:
        """The node of that name; KeyError if there is none."""
        return self._by_name[name]

    def lane(self, pair: LanePair) -> Lane:
        """The lane from `pair[0]` to `pair[1]`; KeyError if there is none."""
        return self._by_pair[pair]

    @cached_property
    def sites(self) -> dict[str, tuple[str, ...]]:
        """Nodes of each place, one where a single product is planned."""
        found: dict[str, list[str]] = {}
        for node in self.nodes:
            found.setdefault(node.place, []).append(node.name)
        return {place: tuple(names) for place, names in found.items()}

    @cached_property
    def seasonal_sites(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """Nodes of each place and season."""
        found: dict[tuple[str, str], list[str]] = {}
        for node in self.nodes:
            found.setdefault((node.place, node.season), []).append(node.name)
        return {key: tuple(names) for key, names in found.items()}

    @cached_property
    def all_storages(self) -> tuple[SharedStorage, ...]:
        """Storage that the products of a site share, in each season, whether it costs anything to exceed it or not."""
        found: dict[tuple[str, str], list[Node]] = {}
        for node in self.nodes:
            if node.site_storage < inf:
                found.setdefault((node.place, node.season), []).append(node)
        return tuple(SharedStorage.of_nodes(nodes) for nodes in found.values())

    @cached_property
    def storages(self) -> tuple[SharedStorage, ...]:
        """Those whose overflow costs something."""
        return tuple(one for one in self.all_storages if one.overflow_cost > 0.0)

    @cached_property
    def seasons(self) -> tuple[str, ...]:
        """Names of the seasons; empty where demand is the same all the time."""
        return tuple(dict.fromkeys(node.season for node in self.nodes if node.season))

    @cached_property
    def products(self) -> tuple[str, ...]:
        """Names of the products; empty where a single one without a name is planned."""
        return tuple(dict.fromkeys(node.product for node in self.nodes if node.product))

    def places(self, pair: LanePair) -> LanePair:
        """The sites that a lane leads from and to."""
        return (self.node(pair[0]).place, self.node(pair[1]).place)

    @cached_property
    def usable_lanes(self) -> tuple[Lane, ...]:
        """Candidate lanes that no status and no limit of their destination rules out."""
        return tuple(lane for lane in self.lanes if self._is_usable(lane))

    def _is_usable(self, lane: Lane) -> bool:
        end = self.node(lane.destination)
        if "closed" in (lane.status, end.status, self.node(lane.origin).status):
            return False
        too_far = lane.distance is not None and lane.distance > end.max_distance
        return not too_far and lane.lead_time <= end.max_lead_time

    @cached_property
    def incoming(self) -> dict[str, tuple[Lane, ...]]:
        """Usable lanes into each node."""
        return self._grouped([lane.destination for lane in self.usable_lanes])

    @cached_property
    def outgoing(self) -> dict[str, tuple[Lane, ...]]:
        """Usable lanes out of each node."""
        return self._grouped([lane.origin for lane in self.usable_lanes])

    def _grouped(self, ends: list[str]) -> dict[str, tuple[Lane, ...]]:
        groups: dict[str, list[Lane]] = {node.name: [] for node in self.nodes}
        for lane, end in zip(self.usable_lanes, ends, strict=True):
            groups[end].append(lane)
        return {name: tuple(lanes) for name, lanes in groups.items()}

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """Nodes that replenish from the outside supply: those with no incoming lane, usable or not."""
        supplied = {lane.destination for lane in self.lanes}
        return tuple(node.name for node in self.nodes if node.name not in supplied)

    @cached_property
    def inputs(self) -> dict[str, tuple[str, ...]]:
        """Labels of the inputs of each node, one of each being needed, over lanes usable or not; none at a source."""
        found: dict[str, dict[str, None]] = {node.name: {} for node in self.nodes}
        for lane in self.lanes:
            found[lane.destination].setdefault(lane.input)
        return {name: tuple(labels) for name, labels in found.items()}

    @cached_property
    def has_assembly(self) -> bool:
        """Whether some node needs several inputs, or not one unit of its input for one of its own."""
        return any(len(labels) > 1 for labels in self.inputs.values()) or any(k.quantity != 1.0 for k in self.lanes)

    def waiting_cost(self, lane: Lane) -> float:
        """Money per unit that has come over a lane and waits for other inputs, per period."""
        return self.node(lane.origin).holding_cost if lane.input_holding_cost is None else lane.input_holding_cost

    def multiples(self, component: Component) -> dict[str, dict[str, float]]:
        """Units of each node of a component in one unit that a customer it serves asks for, over all paths.

        Parameters
        ----------
        component
            Of a design of this network.

        Returns
        -------
        dict
            By node, then by customer in the network's order; a node that faces customers counts itself once.
        """
        facing = set(self.customers)
        below: dict[str, dict[str, float]] = {name: {name: 1.0} if name in facing else {} for name in component.nodes}
        for name in reversed(component.nodes):
            for supplier in component.suppliers[name]:
                quantity, above = self.lane((supplier, name)).quantity, below[supplier]
                for customer, multiple in below[name].items():
                    above[customer] = above.get(customer, 0.0) + quantity * multiple
        return {name: {c: found[c] for c in self.customers if c in found} for name, found in below.items()}

    @cached_property
    def order(self) -> tuple[str, ...]:
        """All nodes, every node after the nodes that lanes lead from to it."""
        graph: dict[str, list[str]] = {node.name: [] for node in self.nodes}
        for lane in self.lanes:
            graph[lane.destination].append(lane.origin)
        try:
            return tuple(TopologicalSorter(graph).static_order())
        except CycleError as error:
            raise CycleInNetworkError(tuple(error.args[1])) from None

    @cached_property
    def reachable_customers(self) -> dict[str, tuple[str, ...]]:
        """Customers that each node can serve, itself included, over usable lanes."""
        found: dict[str, set[str]] = {}
        for name in reversed(self.order):
            found[name] = {name} & set(self.customers)
            found[name].update(*(found[lane.destination] for lane in self.outgoing[name]))
        return {name: tuple(c for c in self.customers if c in found[name]) for name in found}

    @cached_property
    def longest_path(self) -> int:
        """Largest total lead time from the outside supply to any node over usable lanes, in periods."""
        longest: dict[str, int] = {}
        for name in self.order:
            own = self.node(name).lead_time or 0
            arriving = [longest[lane.origin] + lane.lead_time for lane in self.incoming[name]]
            longest[name] = max(arriving, default=own)
        return max(longest.values(), default=0)

    @cached_property
    def longest_lead_time(self) -> int:
        """Largest lead time of an outside supply or a lane, periods."""
        return max([*(node.lead_time or 0 for node in self.nodes), *(lane.lead_time for lane in self.lanes)])

    def design(self, pairs: Iterable[LanePair]) -> Design:
        """The design that uses these lanes.

        Parameters
        ----------
        pairs
            Origin and destination of each used lane, in any order.

        Raises
        ------
        NetworkError
            If a lane is not a candidate, a node has two suppliers of an input, a customer or an assembling node lacks
            one, or a lane serves nobody.
        """
        chosen = set(pairs)
        for pair in chosen:
            if pair not in self._by_pair:
                raise NetworkError(f"lane {pair[0]} -> {pair[1]} is not a candidate lane of the network")
        used = self._used_nodes(self._by_input(chosen))
        for pair in sorted(chosen):
            if pair[1] not in used:
                raise NetworkError(f"lane {pair[0]} -> {pair[1]} serves no customer")
        return Design(join_by_storage(self._components(chosen, used), self.storages))

    def _by_input(self, chosen: set[LanePair]) -> dict[str, dict[str, str]]:
        """Supplier of every input of each node that has one."""
        found: dict[str, dict[str, str]] = {}
        for origin, destination in sorted(chosen):
            label, own = self.lane((origin, destination)).input, found.setdefault(destination, {})
            if label in own:
                of_input = f" of input {label!r}" if label else ""
                raise NetworkError(
                    f"node {destination!r} has two suppliers{of_input}, {own[label]!r} and {origin!r}: "
                    "expected one (single sourcing)"
                )
            own[label] = origin
        return found

    def _used_nodes(self, by_input: dict[str, dict[str, str]]) -> set[str]:
        """Customers and everything upstream of them."""
        names = list(self.customers)
        used = set(names)
        for name in names:
            own = by_input.get(name, {})
            for label in self.inputs[name]:
                if label not in own:
                    of_input = f" of input {label!r}" if label else ""
                    raise NetworkError(f"node {name!r} is used but has no supplier{of_input}")
            new = [origin for origin in own.values() if origin not in used]
            names.extend(new)
            used.update(new)
        return used

    def _components(self, chosen: set[LanePair], used: set[str]) -> list[Component]:
        """What lanes connect, by the first source."""
        connected = DisjointSet(used)
        for origin, destination in chosen:
            connected.merge(origin, destination)
        lanes: dict[str, list[LanePair]] = {}
        for lane in self.lanes:
            if lane.pair in chosen:
                lanes.setdefault(connected[lane.origin], []).append(lane.pair)
        first: dict[str, str] = {}
        for source in self.sources:
            if source in used:
                first.setdefault(connected[source], source)
        return [Component(source, tuple(lanes.get(part, ()))) for part, source in first.items()]


def _refuse_duplicates(what: str, names: list[str] | list[LanePair]) -> None:
    seen: set[str | LanePair] = set()
    for name in names:
        if name in seen:
            label = name if isinstance(name, str) else f"{name[0]} -> {name[1]}"
            raise NetworkError(f"duplicate {what} {label!r}")
        seen.add(name)
