"""Methods of other packages, to compare with: what each needs, and its effort at a number of replications."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from math import ceil, isfinite, sqrt

from design.case import Case
from design.stage_models import exact_costs
from design.transport import cheapest_transport_design
from simopt.apps.options import OptionError, SolveOptions
from simopt.apps.own_simulator import pricing_params
from simopt.optimization.cobyqa_search import CobyqaParams, CobyqaSearch
from simopt.optimization.rival_designs import rival_search
from simopt.optimization.search_state import SearchState
from simopt.optimization.sequential import network_then_stock
from simopt.optimization.subproblem import Subproblem
from simopt.simulation.ledger import Ledger

PACKAGES = {"cma": "cma", "pymoo": "pymoo", "optuna": "optuna"}
FALLBACK_BUDGET = 20_000  # of COBYQA, which ends by itself
MOST_TRIALS = 700


def check_installed(method: str) -> None:
    """Refuse a method whose package is not there."""
    package = PACKAGES.get(method)
    if package is not None and find_spec(package) is None:
        raise OptionError(
            f"method {method!r}: needs the package {package}; install it with: pip install 'simopt-supply[rivals]'"
        )


def whole_problem(method: str, case: Case, options: SolveOptions, ledger: Ledger) -> Iterator[SearchState]:
    """CMA-ES, pymoo or Optuna on levels and suppliers of all nodes."""
    check_installed(method)
    if not (isfinite(options.budget) or isfinite(options.time_limit)):
        raise OptionError(f"method {method!r}: never ends by itself; expected a budget or a time-limit")
    return rival_search(method, case, ledger, paths_per_decision(method, options.budget), options.seed)


def paths_per_decision(method: str, budget: float) -> int:
    """Search paths of every decision, chosen in the method's favor (`tests/benchmarks/test_rival_designs.py`).

    Optuna's sampler takes time that grows with the square of its trials: they are limited.
    """
    if not isfinite(budget):
        return 5
    paths = max(round(sqrt(budget) / 64.0), 1)
    return max(paths, ceil(budget / MOST_TRIALS)) if method == "optuna" else paths


def cobyqa_levels(case: Case, options: SolveOptions, ledger: Ledger) -> Iterator[SearchState]:
    """COBYQA on the levels of the design of least transport and fixed cost; each component gets its share by nodes."""
    design, pricing = cheapest_transport_design(case), pricing_params(options)
    total = options.budget if isfinite(options.budget) else FALLBACK_BUDGET
    left = total - 2 * pricing.replications * len(design.components)
    params = CobyqaParams(budget_per_node=max(int(left) // len(design.nodes), 1))
    subproblem = Subproblem(case, exact_costs(case), ledger, CobyqaSearch(ledger, params), pricing)
    return network_then_stock(design, subproblem, SearchState(shared_costs=case.shared_costs))
