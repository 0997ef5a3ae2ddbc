"""What `solve` prints: a table that grows while it runs, then the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from design.case import Case
from design.node import LanePair
from simopt.emission_outcome import EmissionOutcome
from simopt.reporting.baseline import print_baseline
from simopt.reporting.summary import summary_lines
from simopt.result import Iteration, Performance, Result, RuleOutcome, Service
from simopt.simulation.describe import NodeMeasures
from simopt.storage_outcome import StorageOutcome

SHOWN_TARGETS = 10
HEADER_EVERY = 20
_HEADER = (
    f"{'iter':>5} {'changed':>8} {'lower':>11} {'upper':>12} {'±':>7} {'gap':>8} {'replications':>13} {'seconds':>8}"
)


class LiveTable:
    """Prints one line a step, flushed at once; a star marks a new incumbent, the header comes again now and then."""

    def __init__(self) -> None:
        self._rows = 0
        self._best = float("inf")

    def close(self) -> None:
        """End the table, if there is one."""
        if self._rows:
            print(flush=True)

    def add(self, step: Iteration) -> None:
        """Print one step."""
        if self._rows % HEADER_EVERY == 0:
            print(_HEADER, flush=True)
        self._rows += 1
        star = "*" if step.upper_bound < self._best else ""
        self._best = min(self._best, step.upper_bound)
        lower = "-" if step.lower_bound is None else f"{step.lower_bound:.2f}"
        gap = "-" if step.gap is None else f"{100 * step.gap:.2f}%"
        print(
            f"{star:1}{step.iteration:>4} {step.changed_lanes:>8} {lower:>11} {step.upper_bound:>12.2f} "
            f"{step.upper_half_width:>7.2f} {gap:>8} {step.replications:>13,} {step.seconds:>8.2f}",
            flush=True,
        )


def print_result(result: Result, case: Case, out: Path | None) -> None:
    """Print design, levels, cost and bound; the answer stands in the last lines."""
    _print_nodes(result.performance, _suppliers(result.lanes))
    print()
    print(f"{case.name}: {result.status}, {result.termination}")
    _print_cost(result.performance, case.units.get("money", ""))
    if result.rounding_cost is not None:
        rounding = result.rounding_cost
        print(f"of which for levels in whole packs {rounding.mean:.2f} ± {rounding.half_width:.2f}")
    if result.cost_of_storage is not None:
        cost = result.cost_of_storage
        print(f"limited storage costs {cost.mean:.2f} ± {cost.half_width:.2f} at this design, levels adapted")
    if result.cost_per_year is not None:
        print(f"cost per year {result.cost_per_year.mean:.2f} ± {result.cost_per_year.half_width:.2f}")
    _print_claims(result)
    for rule in result.rules:
        print(_rule_line(rule))
    _print_targets(result)
    print(
        f"search: {result.replications_used:,} replications, {result.scenarios_used:,} scenarios; "
        f"{result.wall_seconds:.1f} s in all"
    )
    if result.baseline is not None:
        print_baseline(result.baseline, case.units.get("money", ""))
    print("\nin short")
    print_summary(result, case, out)


def print_summary(result: Result, case: Case, out: Path | None) -> None:
    """Print the result in a few sentences."""
    for line in summary_lines(result, case):
        print(f"  {line}")
    if out is not None:
        print(f"written: {out / 'result.json'}")


def _print_claims(result: Result) -> None:
    print(_bound_line(result))
    if result.certificate is not None:
        claim = "certified best" if result.certified is True else f"certified best, {result.certified}"
        print(f"{claim}: {result.certificate}" if result.certified else result.certificate)


def _print_targets(result: Result) -> None:
    """What each fill-rate target costs, and whether it is met."""
    costs = {target.node: target.marginal_cost for target in result.target_costs}
    rows = [row for row in result.performance.service if row.target_met is not None]
    rows.sort(key=lambda row: (row.target_met == "yes", -costs.get(row.node, 0.0)))
    shown = max(SHOWN_TARGETS, sum(row.target_met != "yes" for row in rows))
    for row in rows[:shown]:
        margin = f"; at the margin a point costs about {costs[row.node]:.2f}" if row.node in costs else ""
        print(_target_line(row) + margin)
    if len(rows) > shown:
        print(f"{len(rows) - shown} more targets: met")
    if result.cost_of_targets is not None:
        cost = result.cost_of_targets
        if not any(costs.values()):
            print("no target binds: they cost nothing")
            return
        print(f"all targets together cost {cost.mean:.2f} ± {cost.half_width:.2f} at this design")


def _target_line(row: Service) -> str:
    words = {"yes": "met", "no": "missed", "undecided": "undecided, the interval straddles it"}
    fill, half_width = 100 * row.fill_rate, 100 * (row.fill_rate_half_width or 0.0)
    target = 100 * (row.service_target or 0.0)
    outcome = words[row.target_met or "undecided"]
    return f"target {row.node}: fill rate {fill:.2f}% ± {half_width:.2f}%, at least {target:g}%: {outcome}"


def _rule_line(rule: RuleOutcome) -> str:
    """One rule with its sum and what it costs."""
    line = f"rule {rule.rule}: {rule.value:g}"
    if rule.cost is None:
        return line
    if rule.cost == 0.0:
        return line + ", costs nothing (the lower bound without it is the same)"
    return line + f", costs about {rule.cost:.2f} (the lower bound without it is so much lower)"


def print_performance(performance: Performance) -> None:
    """Print what a simulation of a given solution says."""
    _print_nodes(performance, {})
    print()
    _print_cost(performance, "")
    for row in performance.service:
        if row.target_met is not None:
            print(_target_line(row))


def print_measures(measures: Sequence[NodeMeasures]) -> None:
    """Print stock, orders and goods in transit of every node, per period of the horizon."""
    width = max([len(row.node) for row in measures] + [len("node")]) + 2
    names = ("on hand", "backorders", "in transit", "turns", "order var.", "gamma")
    print("\nper period, units, ± half-width (95%); turns over the horizon; variance of orders over that of demand")
    print(f"{'node':{width}}" + "".join(f"{name:>20}" for name in names))
    for row in measures:
        cells = (row.on_hand, row.backorders, row.in_transit, row.turns, row.order_variance_ratio)
        shown = ["" if cell is None else f"{cell.mean:.2f} ± {cell.half_width:.2f}" for cell in cells]
        gamma = row.gamma_service_level
        shown.append("" if gamma is None else f"{100 * gamma.mean:.2f}% ± {100 * gamma.half_width:.2f}%")
        print(f"{row.node:{width}}" + "".join(f"{cell:>20}" for cell in shown))


def _suppliers(lanes: Sequence[LanePair]) -> dict[str, str]:
    """Supplier of each node, all of them where it has several inputs."""
    found: dict[str, list[str]] = {}
    for origin, destination in lanes:
        found.setdefault(destination, []).append(origin)
    return {name: ", ".join(origins) for name, origins in found.items()}


def _print_nodes(performance: Performance, suppliers: Mapping[str, str]) -> None:
    service = {row.node: row for row in performance.service}
    width = max([len(node.node) for node in performance.nodes] + [len("node")]) + 2
    source = max([len(name) for name in suppliers.values()] + [8]) + 2
    header = f"{'node':{width}}" + (f"{'supplier':{source}}" if suppliers else "")
    print(header + f"{'base stock':>11} {'holding':>10} {'backorder':>10} {'fill rate':>10}")
    for node in performance.nodes:
        fill = f"{100 * service[node.node].fill_rate:.2f}%" if node.node in service else ""
        start = f"{node.node:{width}}" + (f"{suppliers.get(node.node, '(outside)'):{source}}" if suppliers else "")
        print(start + f"{node.level:>11.2f} {node.holding:>10.2f} {node.backorder:>10.2f} {fill:>10}")


def _print_cost(performance: Performance, money: str) -> None:
    cost, emissions = performance.cost, performance.emissions
    holding = sum(node.holding for node in performance.nodes)
    backorder = sum(node.backorder for node in performance.nodes)
    print(
        f"cost {cost.mean:.2f} ± {cost.half_width:.2f} {money}".rstrip()
        + f" (95%, {cost.replications:,} fresh replications): holding {holding:.2f}, backorders {backorder:.2f}, "
        f"transport {performance.transport_cost:.2f}, in transit {performance.pipeline_cost:.2f}, "
        f"fixed {performance.fixed_cost:.2f}"
        + ("" if emissions is None or emissions.cost is None else f", emissions {emissions.cost:.2f}")
    )
    if emissions is not None:
        print(_emission_line(emissions))
    for storage in performance.storage:
        print(_storage_line(storage))


def _storage_line(storage: StorageOutcome) -> str:
    """How full a storage is, and what overflow costs."""
    where = storage.site + (f" in {storage.season}" if storage.season else "")
    line = f"storage of {where}: {storage.mean_used:.2f} of {storage.capacity:g} used on average, overflow "
    if storage.overflow.mean == 0.0:
        return line + "costs nothing"
    return line + f"costs {storage.overflow.mean:.2f} ± {storage.overflow.half_width:.2f} (part of holding)"


def _emission_line(emissions: EmissionOutcome) -> str:
    """What is emitted, by what, and how much may be."""
    total = emissions.total
    line = (
        f"emissions {total.mean:,.2f} ± {total.half_width:,.2f} {emissions.unit}: "
        f"transport {emissions.transport:,.2f}, sites {emissions.sites:,.2f}, held stock {emissions.holding:,.2f}"
    )
    if emissions.cap is None:
        return line
    line += f"; cap {emissions.cap:,.2f}"
    if emissions.multiplier is None:
        return line
    if emissions.multiplier == 0.0:
        return line + ", kept by the cheapest levels"
    return line + f", kept by levels at a price of {emissions.multiplier:.4g} per unit of emission on top"


def _bound_line(result: Result) -> str:
    bound, gap = result.lower_bound, result.gap
    if bound is None or gap is None:
        return "lower bound: none by this method"
    line = f"lower bound {bound.value:.2f}"
    if bound.half_width:
        line += f" ± {bound.half_width:.2f}"
    line += f" ({bound.kind}, {bound.model}), gap {100 * gap:.2f}%"
    if result.gap_interval is not None:
        low, high = result.gap_interval
        line += f" ± {100 * max(gap - low, high - gap):.2f}%"
    return line
