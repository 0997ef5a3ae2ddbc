"""What every master shares: which lanes are used and which customer is served over which lane, in Pyomo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, sqrt
from statistics import median
from typing import Any

import pyomo.environ as pyo

from design.capacity_rows import add_capacity_rows
from design.case import Case
from design.errors import NoSolutionError
from design.network import Component, Design, Network
from design.node import LanePair
from design.robust.demand_budget import DemandBudget
from design.robust.protected_flow import add_protection
from design.site_rules import Rule
from design.solver import Floats, HighsSession, Row

GROUP_SEPARATOR = " | "


class InfeasibleError(NoSolutionError):
    """No design satisfies the case; the message names what cannot be met."""


def build_flow_model(
    case: Case, rules: Sequence[Rule] | None = None, budget: DemandBudget | None = None
) -> pyo.ConcreteModel:
    """Lanes, reaches and sources with single sourcing, priced with transport, pipeline and fixed costs.

    What several products share, a site or a link between two sites, has a binary of its own, 1 iff any of them uses it:
    `site_used`, by the names of its nodes, and `link_used`, by those of its first lane.

    The model has `lane_used` y[i, j], `reach` r[c, i, j] for each customer c that can be served over lane i → j, whole
    where there are capacities,
    `source_used` z[s], `extra` e[s] for priced components, and `flow_cost`, what lanes, reaches and sources cost in the
    objective, in units of `money_scale` (MODEL: projected form); the price of components is for the master to add.

    Parameters
    ----------
    case
        The problem.
    rules
        Rules to respect; None: all of the case's.
    budget
        Of demand that transport costs and capacities are protected against; None: mean demand is what is stated.

    Raises
    ------
    InfeasibleError
        If a customer cannot be reached, or a rule cannot hold whatever is chosen.
    """
    network = case.network
    _refuse_unreachable(network)
    lanes = useful_lanes(network)
    sources = [s for s in network.sources if network.reachable_customers[s]]
    model = pyo.ConcreteModel(name=case.name)
    model.lane_used = pyo.Var(lanes, domain=pyo.Binary)
    kept = case.site_rules.rules if rules is None else rules
    of_lanes = [(c, *pair) for pair in lanes for c in network.reachable_customers[pair[1]]]
    is_packed = any(rule.is_capacity for rule in kept)  # then HiGHS finds covers of capacities
    model.reach = pyo.Var(of_lanes, domain=pyo.Binary if is_packed else pyo.UnitInterval)
    model.source_used = pyo.Var(sources, domain=pyo.Binary)
    model.extra = pyo.Var(sources, domain=pyo.NonNegativeReals)
    _add_routing(model, network, lanes)
    _add_source_links(model, network, sources)
    _add_shared(model, case, kept)
    _add_site_rules(model, case, kept)
    model.flow_cost = pyo.Expression(expr=_flow_cost(model, case, lanes, sources))
    if budget is not None:
        add_protection(model, case, kept, budget, money_scale(case))
    return model


def money_scale(case: Case) -> float:
    """A typical term of the objective, money over the horizon: what the solver counts in.

    Tolerances of a solver are absolute, so the same case in cents or in billions must look alike to it. The median of
    the positive transport and fixed costs and of rough holding costs will do; 1 where nothing costs anything.
    """
    network, terms = case.charged, list[float]()
    for lane in network.lanes:
        terms.extend(case.flow_cost(lane, c) for c in network.reachable_customers[lane.destination])
        terms.extend((lane.fixed_cost, _rough_stock_cost(case, lane.destination, lane.lead_time)))
    for node in network.nodes:
        terms.extend((node.fixed_cost, _rough_stock_cost(case, node.name, node.lead_time or 0)))
    positive = [term for term in terms if term > 0.0]
    return median(positive) if positive else 1.0


def _rough_stock_cost(case: Case, name: str, lead_time: int) -> float:
    """Holding one deviation of the lead-time demand of all customers that a node can serve."""
    node = case.charged.node(name)
    customers = case.network.reachable_customers[name]
    deviation = sqrt(lead_time * sum(case.variance_rates[c] for c in customers))
    return case.horizon * (node.holding_cost + node.holding_quadratic * deviation) * deviation


def useful_lanes(network: Network) -> list[LanePair]:
    """Candidate lanes over which some customer can be served."""
    return [lane.pair for lane in network.usable_lanes if network.reachable_customers[lane.destination]]


def _flow_cost(model: pyo.ConcreteModel, case: Case, lanes: list[LanePair], sources: list[str]) -> pyo.Expression:
    network, scale, shared = case.charged, money_scale(case), case.shared_costs
    terms = []
    for pair in lanes:
        lane, customers = network.lane(pair), network.reachable_customers[pair[1]]
        fixed = 0.0 if pair in shared.lanes else lane.fixed_cost
        fixed += 0.0 if pair[1] in shared.nodes else network.node(pair[1]).fixed_cost
        terms.append(fixed / scale * model.lane_used[pair])
        terms.extend(case.flow_cost(lane, c) / scale * model.reach[c, *pair] for c in customers)
    own = (s for s in sources if s not in shared.nodes)
    terms.extend(network.node(s).fixed_cost / scale * model.source_used[s] for s in own)
    for cost in shared.costs:
        used = model.site_used[group_key(cost.nodes)] if cost.nodes else model.link_used[group_key(cost.lanes[0])]
        terms.append(cost.amount / scale * used)
    return pyo.quicksum(terms)


def _add_routing(model: pyo.ConcreteModel, network: Network, lanes: list[LanePair]) -> None:
    """Single sourcing, service of every customer, conservation at inner nodes, and lanes used iff they serve."""
    kept = set(lanes)
    incoming = {n: [k.pair for k in network.incoming[n] if k.pair in kept] for n in network.order}
    outgoing = {n: [k.pair for k in network.outgoing[n] if k.pair in kept] for n in network.order}
    inner = [n for n in network.order if incoming[n]]

    @model.Constraint(inner)
    def single_sourcing(model: pyo.ConcreteModel, name: str) -> pyo.Expression:
        return pyo.quicksum(model.lane_used[pair] for pair in incoming[name]) <= 1

    @model.Constraint([c for c in network.customers if c not in network.sources])
    def served(model: pyo.ConcreteModel, customer: str) -> pyo.Expression:
        return pyo.quicksum(model.reach[customer, *pair] for pair in incoming[customer]) == 1

    passing = [(c, n) for n in inner for c in network.reachable_customers[n] if c != n]

    @model.Constraint(passing)
    def conserved(model: pyo.ConcreteModel, customer: str, name: str) -> pyo.Expression:
        out = [p for p in outgoing[name] if customer in network.reachable_customers[p[1]]]
        arriving = pyo.quicksum(model.reach[customer, *pair] for pair in incoming[name])
        return arriving == pyo.quicksum(model.reach[customer, *pair] for pair in out)

    @model.Constraint(list(model.reach))
    def over_used_lanes(model: pyo.ConcreteModel, customer: str, origin: str, end: str) -> pyo.Expression:
        return model.reach[customer, origin, end] <= model.lane_used[origin, end]

    @model.Constraint(lanes)
    def no_stray_lane(model: pyo.ConcreteModel, origin: str, end: str) -> pyo.Expression:
        reaches = [model.reach[c, origin, end] for c in network.reachable_customers[end]]
        return model.lane_used[origin, end] <= pyo.quicksum(reaches)


def _add_source_links(model: pyo.ConcreteModel, network: Network, sources: list[str]) -> None:
    """A source is used iff one of its lanes is, or it faces customers itself."""
    pairs = [pair for pair in model.lane_used if pair[0] in set(sources)]

    @model.Constraint(pairs)
    def source_of_lane(model: pyo.ConcreteModel, origin: str, end: str) -> pyo.Expression:
        return model.lane_used[origin, end] <= model.source_used[origin]

    @model.Constraint(sources)
    def source_serves(model: pyo.ConcreteModel, source: str) -> pyo.Expression:
        if source in network.customers:
            return model.source_used[source] == 1
        return model.source_used[source] <= pyo.quicksum(model.lane_used[p] for p in pairs if p[0] == source)


def _add_shared(model: pyo.ConcreteModel, case: Case, rules: Sequence[Rule]) -> None:
    """A shared site or link is used iff any of its nodes or lanes is."""
    costs = case.shared_costs.costs
    ruled = [names for rule in rules if not rule.is_capacity for names in rule.all_sites if len(names) > 1]
    used, _ = _node_terms(model, case)
    sites = {
        group_key(names): [term for name in names for term in used[name]]
        for names in [*(cost.nodes for cost in costs if cost.nodes), *ruled]
    }
    links = {
        group_key(cost.lanes[0]): [model.lane_used[pair] for pair in cost.lanes if pair in model.lane_used]
        for cost in costs
        if cost.lanes
    }
    model.site_used = pyo.Var(list(sites), domain=pyo.Binary)
    model.link_used = pyo.Var(list(links), domain=pyo.Binary)
    model.shared = pyo.ConstraintList()
    for shared, terms in [(model.site_used[k], t) for k, t in sites.items()] + [
        (model.link_used[k], t) for k, t in links.items()
    ]:
        for term in terms:
            model.shared.add(term <= shared)
        model.shared.add(shared <= pyo.quicksum(terms))


def _refuse_unreachable(network: Network) -> None:
    reached = {c for source in network.sources for c in network.reachable_customers[source]}
    lost = [customer for customer in network.customers if customer not in reached]
    if lost:
        raise InfeasibleError(f"no design can serve {', '.join(lost)}: no path of usable lanes from a source is left")


def _add_site_rules(model: pyo.ConcreteModel, case: Case, rules: Sequence[Rule]) -> None:
    """Rules of `design.site_rules`, by their labels."""
    by_label = {rule.label: rule for rule in rules}
    if not by_label:
        return
    used, through = _node_terms(model, case)
    add_capacity_rows(model, case, rules, used)

    @model.Constraint(list(by_label))
    def site_rules(model: pyo.ConcreteModel, label: str) -> Any:
        rule = by_label[label]
        unit = rule.most if rule.is_emission and 0.0 < rule.most < inf else 1.0  # tolerances are a share of a cap
        body = pyo.quicksum([term / unit for term in _rule_terms(model, case, rule, used, through)])
        if isinstance(body, float | int):
            if not rule.holds(body):
                raise InfeasibleError(f"no design can satisfy: {rule.label}")
            return pyo.Constraint.Feasible
        least = rule.least if rule.least > 0.0 or rule.against else None
        most = rule.most / unit if rule.most < inf else None
        return pyo.Constraint.Skip if least is None and most is None else pyo.inequality(least, body, most)


def _rule_terms(
    model: pyo.ConcreteModel, case: Case, rule: Rule, used: Mapping[str, list[Any]], through: Mapping[str, list[Any]]
) -> list[Any]:
    """Terms of the sum that a rule bounds."""
    if rule.is_emission:
        return _emission_terms(model, case, rule, used)
    if rule.is_capacity:
        sizes = zip(rule.nodes, rule.sizes, strict=True)
        return [size * term for name, size in sizes for term in through[name]]
    terms = [term for names in rule.sites for term in _site_terms(model, used, names)]
    terms += [-term for names in rule.sites_against for term in _site_terms(model, used, names)]
    terms += [model.lane_used[pair] for pair in rule.lanes if pair in model.lane_used]
    return terms + [-model.lane_used[pair] for pair in rule.against if pair in model.lane_used]


def group_key(names: tuple[str, ...]) -> str:
    """Of the binary that several nodes or the two ends of a lane share."""
    return GROUP_SEPARATOR.join(names)


def _site_terms(model: pyo.ConcreteModel, used: Mapping[str, list[Any]], names: tuple[str, ...]) -> list[Any]:
    """Terms whose sum says whether a site is used."""
    return used[names[0]] if len(names) == 1 else [model.site_used[group_key(names)]]


def _emission_terms(model: pyo.ConcreteModel, case: Case, rule: Rule, used: Mapping[str, list[Any]]) -> list[Any]:
    """Emissions of transport and sites."""
    sites = zip(rule.sites, rule.site_weights, strict=True)
    terms = [weight * term for names, weight in sites for term in _site_terms(model, used, names)]
    weights = dict(zip(rule.lanes, rule.flow_weights, strict=True))
    flows = ((c, (origin, end)) for c, origin, end in model.reach if (origin, end) in weights)
    terms += [weights[pair] * case.mean_demand[c] * model.reach[c, *pair] for c, pair in flows]
    return terms


def rule_sum(model: pyo.ConcreteModel, case: Case, rule: Rule) -> pyo.Expression:
    """The sum that a rule bounds; the model must have been built with the rule."""
    return pyo.quicksum(_rule_terms(model, case, rule, *_node_terms(model, case)))


def _node_terms(model: pyo.ConcreteModel, case: Case) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """Terms whose sum says whether a node is used, and those whose sum is its mean throughput, by node."""
    network = case.network
    used: dict[str, list[Any]] = {name: [] for name in network.order}
    through: dict[str, list[Any]] = {name: [] for name in network.order}
    for pair, variable in model.lane_used.items():
        used[pair[1]].append(variable)
    for source, variable in model.source_used.items():
        used[source].append(variable)
    for (customer, origin, end), reach in model.reach.items():
        through[end].append(case.mean_demand[customer] * reach)
        if origin in model.source_used:
            through[origin].append(case.mean_demand[customer] * reach)
    for name in set(network.sources).intersection(network.customers):
        through[name].append(case.mean_demand[name])
    return used, through


def chosen_design(network: Network, model: pyo.ConcreteModel, session: HighsSession, values: Floats) -> Design:
    """The design that an integer solution uses."""
    pairs = list(model.lane_used)
    columns = session.columns(model.lane_used[pair] for pair in pairs)
    return network.design(pair for pair, column in zip(pairs, columns, strict=True) if values[column] > 0.5)


def price_row(
    model: pyo.ConcreteModel,
    session: HighsSession,
    component: Component,
    customers: tuple[str, ...],
    extra: float,
) -> Row:
    """e_s >= extra·(1 - lanes of the component left out - customers the source serves beyond it).

    Of trees that share storage, Σ_s e_s over their sources: with more trees in it the storage costs no less.

    Parameters
    ----------
    model, session
        The flow model and the solver that holds it.
    component, customers
        The component and the network's customers.
    extra
        In units of `money_scale`.
    """
    served, sources = component.customers_through(customers), [tree.source for tree in component.each]
    strangers = [
        model.reach[c, origin, end] for c, origin, end in model.reach if origin in sources and c not in served[origin]
    ]
    own = [model.lane_used[pair] for pair in component.lanes]
    columns = session.columns([*(model.extra[source] for source in sources), *own, *strangers])
    factors = (*([1.0] * len(sources)), *([-extra] * len(own)), *([extra] * len(strangers)))
    return Row(extra * (1.0 - len(own)), tuple(columns), factors)


def forbid_row(model: pyo.ConcreteModel, session: HighsSession, design: Design) -> Row:
    """At least one lane differs from the design's."""
    used = set(design.lanes)
    pairs = list(model.lane_used)
    columns = session.columns(model.lane_used[pair] for pair in pairs)
    return Row(1.0 - len(used), tuple(columns), tuple(-1.0 if pair in used else 1.0 for pair in pairs))


def moves_row(model: pyo.ConcreteModel, session: HighsSession, design: Design, moves: int) -> Row:
    """At most `moves` lanes are used that the design does not use."""
    used = set(design.lanes)
    columns = session.columns(model.lane_used[pair] for pair in model.lane_used if pair not in used)
    return Row(float(-moves), tuple(columns), (-1.0,) * len(columns))
