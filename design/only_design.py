"""Networks with assembly, which the programs for trees do not describe: their only design and what bounds its cost.

Choosing among suppliers is not supported there: every node that is used has one usable lane for each of its inputs. The
lower bound is that of any fixed design, with a node's demand counted in its own units and at risk over the longest of
its lanes' lead times. Inputs of an assembly that wait for others cost something as well; the bound leaves that out.

    bound = Σ_i H·min_S E c_i(S - Σ_c m_ic·W_c(max_k L_ki)) + transport + pipeline + fixed costs

with m_ic the units of node i in one that customer c asks for. Proof: let L = max_k L_ki, and Z_i(t) the sets of inputs
that have come to node i by t. All are for orders placed by t - L, as the slowest lane has brought no others: Z_i(t) =
C_i(t - L) - B with B >= 0. Under first come, first served, an order is met as if none had followed it, so B depends
on demand up to t - L alone, and net stock is S - B - W with W independent of B; condition on B.
"""

from __future__ import annotations

import numpy as np

from design.case import Case
from design.errors import BadInputError
from design.flow_model import InfeasibleError
from design.master_types import MasterSolution
from design.network import Component, Design, Network
from design.node import LanePair
from design.single_stage import SingleStageModel
from design.single_stage_plan import single_stage_plan
from design.solver import SolveStatus


class SupplierChoiceError(BadInputError):
    """A node of a network with assembly has several candidate suppliers of an input; the message names them."""


def only_design(network: Network) -> Design:
    """The design that serves every customer, in a network that leaves no choice.

    Raises
    ------
    SupplierChoiceError
        If some node that is needed has several usable lanes for an input.
    InfeasibleError
        If it has none.
    """
    pairs: list[LanePair] = []
    names = list(network.customers)
    seen = set(names)
    for name in names:
        for label in network.inputs[name]:
            origin = _only_supplier(network, name, label)
            pairs.append((origin, name))
            if origin not in seen:
                seen.add(origin)
                names.append(origin)
    return network.design(pairs)


def _only_supplier(network: Network, name: str, label: str) -> str:
    origins = [lane.origin for lane in network.incoming[name] if lane.input == label]
    what = f"node {name!r}, input {label!r}" if label else f"node {name!r}"
    if not origins:
        raise InfeasibleError(
            f"{what}: no usable lane, and the node is needed: expected one that is not closed or too long"
        )
    if len(origins) > 1:
        raise SupplierChoiceError(
            f"{what}: {len(origins)} candidate suppliers ({', '.join(origins)}): expected one, as choosing among "
            "suppliers is not supported in networks with assembly (several inputs, or a quantity other than 1)"
        )
    return origins[0]


class OnlyDesignMaster:
    """A master of a network that leaves no choice: proposes its only design and bounds its cost.

    Parameters
    ----------
    case
        The problem.
    single_stage
        Single-stage costs.

    Raises
    ------
    SupplierChoiceError, InfeasibleError
        See `only_design`; also where the design breaks a rule of the case.
    """

    def __init__(self, case: Case, single_stage: SingleStageModel) -> None:
        self._design = only_design(case.network)
        if broken := case.site_rules.violations(self._design):
            raise InfeasibleError("the only design breaks " + "; ".join(broken))
        plans = [single_stage_plan(case, single_stage, component) for component in self._design.components]
        self._cost = sum(plan.cost for plan in plans) + case.shared_costs.of(self._design)
        self._extra: dict[Component, float] = {}
        self._is_forbidden = False
        self.num_scenarios = single_stage.num_scenarios

    def solve(self, time_limit: float = np.inf) -> MasterSolution:  # noqa: ARG002
        """The design with its bound, prices included; InfeasibleError once it is forbidden."""
        if self._is_forbidden:
            raise InfeasibleError("every design that serves all customers has been excluded")
        bound = self._cost + sum(self._extra.values())
        return MasterSolution(SolveStatus.OPTIMAL, self._design, bound, bound)

    def price(self, component: Component, extra: float) -> None:
        """Charge a component of the design `extra` money over the horizon on top."""
        if component in self._design.components:
            self._extra[component] = extra

    def forbid(self, design: Design) -> None:
        """Exclude this design from later solves."""
        self._is_forbidden = self._is_forbidden or set(design.lanes) == set(self._design.lanes)
