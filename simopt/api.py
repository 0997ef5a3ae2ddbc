"""The package from Python: load a case, solve it, look at the result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from design.case import Case
from design.case_files import load_case as load_case_files
from design.errors import expected_one_of
from design.tactical.chain import SerialChain
from simopt.adapt_outcome import AdaptOutcome
from simopt.apps.adapt import AdaptOptions
from simopt.apps.adapt import adapt as run_adapt
from simopt.apps.check_simulator import check_simulator as check
from simopt.apps.operate import OperateOptions
from simopt.apps.operate import operate as run_policies
from simopt.apps.options import OptionError, SolveOptions
from simopt.apps.solve import solve as run
from simopt.apps.tactical import TacticalOptions, plan_tactically
from simopt.check_outcome import SimulatorCheck
from simopt.operate_outcome import Operated
from simopt.result import Iteration, Result
from simopt.simulation.user_simulator import CostFunction, UserSimulator, as_simulator
from simopt.solution import Solution
from simopt.tactical_outcome import TacticalPlan

AnyCase = Case | str | PathLike[str]
AnySimulator = UserSimulator | CostFunction


def load_case(case: str | PathLike[str]) -> Case:
    """A case by the name of a shipped one, or by the path of its folder.

    Raises
    ------
    BadInputError
        If there is no such case or its files have errors; a line for each names file, row, column and value.
    """
    return load_case_files(fspath(case))


def load_solution(folder: str | PathLike[str]) -> Solution:
    """The solution of a run folder, which `Solution.save` or `simopt solve --out` wrote.

    Raises
    ------
    BadInputError
        If the folder or a file in it is not what it should be.
    """
    return Solution.load(fspath(folder))


def solve(
    case: AnyCase,
    options: SolveOptions | None = None,
    *,
    simulator: AnySimulator | None = None,
    on_step: Callable[[Iteration], None] | None = None,
    **changes: Any,
) -> Solution:
    """Decide network and base-stock levels of a case.

    Parameters
    ----------
    case
        A case, the name of a shipped one, or the path of a folder.
    options
        How; the defaults of `SolveOptions` without it.
    simulator
        One's own in the place of the built-in one: an object with `has_gradient` and `simulate(replication)`, or a
        function of a `Replication` that returns `NodeCosts` by node.
    on_step
        Called with the record of every step of the search.
    **changes
        Fields of `SolveOptions`, as `seed=1`.

    Raises
    ------
    BadInputError
        If the case, an option or the simulator is not as expected.
    NoSolutionError
        If no design serves every customer, or a limit ended the search before its first design.
    """
    problem = _case(case)
    return Solution.of(problem, solve_case(problem, options, simulator=simulator, on_step=on_step, **changes))


def solve_case(
    case: AnyCase,
    options: SolveOptions | None = None,
    *,
    simulator: AnySimulator | None = None,
    on_step: Callable[[Iteration], None] | None = None,
    **changes: Any,
) -> Result:
    """What `solve` does, its outcome as the frozen record that the command line prints."""
    _check_known(changes, SolveOptions)
    if simulator is not None:
        changes["simulator"] = as_simulator(simulator)
    told = replace(options or SolveOptions(), **changes)
    return run(_case(case), told, None if on_step is None else lambda step, _: on_step(step))


def tactical(
    case: AnyCase, options: TacticalOptions | None = None, *, chain: SerialChain | None = None, **changes: Any
) -> TacticalPlan:
    """Decide targets or orders of a serial chain over a few periods by stochastic programming.

    Parameters
    ----------
    case
        A case whose lanes are a serial chain, its name or the path of a folder.
    options
        How; the defaults of `TacticalOptions` without it.
    chain
        Levels, lead times and costs in the place of the case's, for costs that differ by period.
    **changes
        Fields of `TacticalOptions`, as `model="scr"`.

    Raises
    ------
    BadInputError
        If the case is no serial chain, an option is out of range, or the scenarios do not fit into memory.
    NoSolutionError
        If the linear program has none.
    """
    _check_known(changes, TacticalOptions)
    return plan_tactically(_case(case), replace(options or TacticalOptions(), **changes), chain)


def operate(
    case: AnyCase, options: OperateOptions | None = None, *, run: str | PathLike[str] | None = None, **changes: Any
) -> Operated:
    """Run replenishment policies side by side in the planning simulator, on the same demand.

    Parameters
    ----------
    case
        A case, the name of a shipped one, or the path of a folder.
    options
        Policies and numbers; the defaults of `OperateOptions` without it.
    run
        Folder of a solve: its network and, for the policy `levels`, its levels; None: the case's only network, or a
        solve.
    **changes
        Fields of `OperateOptions`, as `policies=("sS", my_policy)`; policies of one's own are `simopt.planning.policy`
        objects.

    Raises
    ------
    BadInputError
        If a policy or parameter is unknown or out of range, or the case does not fit.
    """
    _check_known(changes, OperateOptions)
    told = replace(options or OperateOptions(), **changes)
    return run_policies(_case(case), told, None if run is None else Path(fspath(run)))


def adapt(
    case: AnyCase, options: AdaptOptions | None = None, *, run: str | PathLike[str] | None = None, **changes: Any
) -> AdaptOutcome:
    """Run policies that learn demand, protect against it or know it, on the same seeds.

    Parameters
    ----------
    case
        A case, the name of a shipped one, or the path of a folder.
    options
        World and numbers; the defaults of `AdaptOptions` without it.
    run
        Folder of a solve with network and levels; None: the case's only network, or a solve.
    **changes
        Fields of `AdaptOptions`, as `world="shock"`.

    Raises
    ------
    BadInputError
        If an option is unknown or out of range, or the case does not fit.
    """
    _check_known(changes, AdaptOptions)
    told = replace(options or AdaptOptions(), **changes)
    return run_adapt(_case(case), told, None if run is None else Path(fspath(run)))


def _check_known(
    changes: dict[str, Any], kind: type[SolveOptions | TacticalOptions | OperateOptions | AdaptOptions]
) -> None:
    known = [field.name for field in fields(kind)]
    for name in changes:
        if name not in known:
            raise OptionError(f"option {name!r}: {expected_one_of(name, known)}")


def check_simulator(simulator: AnySimulator, case: AnyCase, replications: int = 32, seed: int = 0) -> SimulatorCheck:
    """Whether a simulator of one's own keeps what the search relies on; see `simopt check-simulator`.

    Parameters
    ----------
    simulator
        As for `solve`.
    case
        As for `solve`; run on the design of least transport cost at levels near the single-stage ones.
    replications
        Of every component, 4 to 64.
    seed
        Of demand and of the replications' seeds.
    """
    return check(_case(case), as_simulator(simulator), replications, seed)


def _case(case: AnyCase) -> Case:
    return case if isinstance(case, Case) else load_case(case)
