"""Certificates of a case's independent parts, joined: every part is proven by itself, at a share of the error."""

from __future__ import annotations

from collections.abc import Sequence

from design.case import Case
from design.network import Design
from simopt.optimization.certificate_types import Certificate, CertificateParams, claim
from simopt.optimization.search_state import Incumbent, SearchState


def restricted(state: SearchState, part: Case) -> SearchState:
    """What a search over the whole case knows of a part; it must have an incumbent."""
    if state.incumbent is None:
        raise ValueError("state: expected a search with an incumbent, got none")
    plans = [plan for component, plan in state.plans.items() if component.source in part.network.sources]
    known = SearchState(shared_costs=part.shared_costs).with_plans(plans)
    for design in state.designs:
        known = known.with_candidate(_restricted_design(design, part))
    return known.with_incumbent(_restricted_design(state.incumbent.design, part))


def joined(case: Case, certificates: Sequence[Certificate], params: CertificateParams) -> Certificate:
    """The certificate of the whole case; it holds where those of all parts do.

    Parameters
    ----------
    case
        The whole case.
    certificates
        One a part, each at its share of the error.
    params
        Confidence and indifference of all together.
    """
    incumbents = [certificate.incumbent for certificate in certificates]
    incumbent = Incumbent(
        case.network.design(pair for one in incumbents for pair in one.design.lanes),
        {name: level for one in incumbents for name, level in one.levels.items()},
        sum(one.cost for one in incumbents),
        sum(one.half_width**2 for one in incumbents) ** 0.5,
    )
    failed = [one for one in certificates if not one.holds]
    weakest = next((one for one in certificates if not one.global_levels), certificates[0])
    designs = sum(one.num_designs for one in certificates)
    parts = f"{len(certificates)} parts that share nothing, each by itself: "
    margins = [one.margin for one in certificates if one.margin is not None]
    margin = sum(margins) if margins else None
    if failed:
        statement = parts + failed[0].statement
    else:
        statement = parts + claim(params.confidence, params.indifference, designs, weakest.minimized, margin)
    return Certificate(
        holds=not failed,
        confidence=None if failed else params.confidence,
        incumbent=incumbent,
        num_designs=designs,
        excluded_above=sum(one.excluded_above for one in certificates),
        statement=statement,
        global_levels=all(one.global_levels for one in certificates),
        minimized=weakest.minimized,
        margin=margin,
    )


def _restricted_design(design: Design, part: Case) -> Design:
    nodes = {node.name for node in part.network.nodes}
    return part.network.design(pair for pair in design.lanes if pair[0] in nodes)
