"""A result in a few plain sentences: what opens, who serves whom, what it costs, how sure that is, what it saves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from design.case import Case
from design.network import Network
from simopt.result import Result

MOST_NAMES = 12
MOST_ROUTES = 15


def summary_lines(result: Result, case: Case) -> list[str]:
    """The sentences, a line each."""
    lines = [_opened(result, case.network), *_routes(result, case.network), _cost(result, case)]
    lines.append(_certainty(result))
    saving = result.saving_against_network_first
    if saving is not None:
        lines.append(_saving(saving.mean, saving.half_width, result.performance.cost.mean))
    return lines


def _opened(result: Result, network: Network) -> str:
    """Sites that are no customers, those used first."""
    customers = {network.node(name).place for name in network.customers}
    used = {network.node(node.node).place for node in result.performance.nodes}
    sites = [site for site in dict.fromkeys(node.place for node in network.nodes) if site not in customers]
    opened = [site for site in sites if site in used]
    if not sites:
        return f"sites: the {len(customers)} customers alone"
    closed = [site for site in sites if site not in used]
    if not closed:
        return f"open: all {len(sites)} sites"
    return f"open: {_listed(opened)}; closed: {_listed(closed)}"


def _routes(result: Result, network: Network) -> list[str]:
    """Who supplies whom, by place; a supplier that nobody supplies comes first, then those it supplies."""
    served: dict[str, list[str]] = {}
    for origin, destination in sorted(result.lanes, key=lambda pair: network.order.index(pair[0])):
        before, after = network.places((origin, destination))
        others = served.setdefault(before, [])
        if after not in others:
            others.append(after)
    lines = [f"{origin} supplies {_listed(others)}" for origin, others in served.items()]
    if len(lines) <= MOST_ROUTES:
        return lines
    return [*lines[:MOST_ROUTES], f"{len(lines) - MOST_ROUTES} more suppliers: see lanes.csv of the run folder"]


def _cost(result: Result, case: Case) -> str:
    cost, money, period = result.performance.cost, case.units.get("money", ""), case.units.get("period")
    time = f" (a period: {period})" if period else ""
    return f"cost: {cost.mean:,.2f} ± {cost.half_width:,.2f} {money}".rstrip() + f" over {case.horizon} periods{time}"


def _certainty(result: Result) -> str:
    """What is proven, or how much there may be to gain."""
    if result.certified and result.confidence is not None:
        base = "" if result.certified is True else ", if the levels found are globally best"
        return f"certainty: best up to the tolerance, with {100 * result.confidence:g}% confidence{base}"
    if result.lower_bound is None or result.gap is None:
        return "certainty: the best that was found; this method does not say how much better another plan may be"
    if result.lower_bound.kind != "exact":
        return f"certainty: not proven best; by an estimate no plan is over {100 * max(result.gap, 0.0):.2f}% cheaper"
    return f"certainty: not proven best; no plan with one supplier a site is over {100 * result.gap:.2f}% cheaper"


def _saving(mean: float, half_width: float, cost: float) -> str:
    against = "against the cheapest network with the best stock for it"
    if mean == half_width == 0.0:
        return f"saving: none {against}: it is the same network"
    return f"saving: {mean:,.2f} ± {half_width:,.2f} ({100 * mean / (cost + mean):.1f}%) {against}"


def _listed(names: Iterable[str]) -> str:
    found: Sequence[str] = list(names)
    if len(found) <= MOST_NAMES:
        return ", ".join(found) or "none"
    return ", ".join(found[:MOST_NAMES]) + f" and {len(found) - MOST_NAMES} more"
