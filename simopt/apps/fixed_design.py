"""The design that a planning world is built on: a run's, the case's only one, or what a solve finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from design.case import Case
from design.network import Design
from design.only_design import SupplierChoiceError, only_design
from simopt.apps.options import SolveOptions
from simopt.apps.solve import solve
from simopt.result_file import read_decision

Tell = Callable[[str], None]


def design_and_levels(
    case: Case, run: Path | None, *, needs_levels: bool, seed: int, jobs: int, tell: Tell
) -> tuple[Design, Mapping[str, float] | None]:
    """The design, and the base-stock levels where they are needed.

    Parameters
    ----------
    case
        The problem.
    run
        Folder of a solve; None: none.
    needs_levels
        Whether levels are wanted; without, None may be returned for them.
    seed, jobs
        Of a solve.
    tell
        Called with a line about what takes long.
    """
    if run is not None:
        return read_decision(run / "result.json", case.network)
    design = None
    try:
        design = only_design(case.network)
    except SupplierChoiceError:
        tell("the case leaves a choice of lanes and no run is given: solving it first")
    if design is not None and not needs_levels:
        return design, None
    if design is not None:
        tell("levels: solving the case first")
    result = solve(case, SolveOptions(seed=seed, jobs=jobs, certify=False))
    return case.network.design(result.lanes), {node.node: node.level for node in result.performance.nodes}
