"""The guaranteed-service model: where to hold safety stock in a given supply chain.

Every stage k promises its customers to serve each order S_k periods after it is placed, and keeps the promise as long
as demand stays within a bound. It is promised its inputs within SI_k, the longest of its suppliers' service times, and
takes T_k periods to process them, so its stock has to cover demand over τ_k = SI_k + T_k - S_k periods:

    base stock B_k = μ_k·τ_k + k_k·√τ_k,   safety stock k_k·√τ_k,   k_k² = Σ_c (units of k in one of c · z_c · σ_c)²

with customers c, their safety factors z_c and standard deviations σ_c, and mean demand μ_k on the stage. To minimize

    Σ_k h_k·k_k·√τ_k   over whole service times   0 <= S_k <= min(M_k, limit of k),   τ_k >= 0,

h_k the holding rate times the cumulative cost and M_k the longest total processing time up to k. What exceeds the bound
is met by other means (overtime, expediting), which cost nothing here: this is not the cost that the simulator measures.

Source: Graves, S. C. & Willems, S. P. (2000), "Optimizing strategic safety stock placement in supply chains", M&SOM
2(1), 68-83, and the erratum in M&SOM 5(2) (2003), 176-177. Chains whose links form a tree are solved exactly by its
dynamic programme, others by a mixed-integer program that ends with a proven gap.
"""

from __future__ import annotations

from design.guaranteed_tree import Forest, TreeProgramme
from design.service_chain import ServiceChain, ServicePlan, kept_times


def guaranteed_service(chain: ServiceChain, time_limit: float = 60.0, tolerance: float = 1e-4) -> ServicePlan:
    """Service times of least safety-stock cost.

    Parameters
    ----------
    chain
        Stages and links; parts that are not linked are planned side by side.
    time_limit
        Seconds, where links form a cycle if taken without direction; after them the plan may not be best, which
        `ServicePlan.gap` tells, and depends on the speed of the machine.
    tolerance
        Gap, as a share of the cost, at which such a chain counts as solved.
    """
    if chain.is_forest:
        times = TreeProgramme(chain, Forest.whole(chain)).solve()
        plan = ServicePlan(chain, kept_times(chain, times), 0.0)
        return ServicePlan(chain, plan.service_times, plan.cost)
    from design.guaranteed_milp import RefinedProgramme

    return RefinedProgramme(chain, tolerance).solve(time_limit)
