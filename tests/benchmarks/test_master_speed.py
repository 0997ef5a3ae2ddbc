"""How long the masters take, and what going through Pyomo for every re-solve would cost.

pytest -m benchmark -s tests/benchmarks/test_master_speed.py
"""

from collections.abc import Callable
from time import perf_counter

import numpy as np
import pyomo.environ as pyo
import pytest
from pyomo.contrib.appsi.solvers.highs import Highs

from design.case import Case
from design.case_files import load_case
from design.extensive import ExtensiveMaster
from design.master import ProjectedMaster
from design.scenario import path_scenarios, sobol_scenarios
from design.single_stage import QuadratureSingleStage, SampledSingleStage
from design.solver import HighsSession

NUM_BATCHES = 12


def seconds(run: Callable[[], object], repeats: int = 3) -> float:
    times = []
    for _ in range(repeats):
        started = perf_counter()
        run()
        times.append(perf_counter() - started)
    return float(np.median(times))


@pytest.mark.benchmark
def test_masters_on_thirteen_node() -> None:
    case = load_case("thirteen-node")
    paths = path_scenarios(case.demand, 50, 5, seed=1)
    forms: dict[str, Callable[[], float]] = {
        "projected, quadrature": lambda: ProjectedMaster(case, QuadratureSingleStage(case.demand)).solve().bound,
        "projected, 2,048 Sobol": lambda: (
            ProjectedMaster(case, SampledSingleStage(sobol_scenarios(case.demand, 2048, 1))).solve().bound
        ),
        "projected, 50 paths": lambda: ProjectedMaster(case, SampledSingleStage(paths)).solve().bound,
        "extensive, 50 paths": lambda: ExtensiveMaster(case, paths).solve().bound,
    }
    print()
    bounds = {name: run() for name, run in forms.items()}
    for name, run in forms.items():
        print(f"{name:26}{seconds(run):8.2f} s   bound {bounds[name]:.2f}")
    assert bounds["extensive, 50 paths"] == pytest.approx(bounds["projected, 50 paths"], rel=1e-4)


@pytest.mark.benchmark
def test_solving_again_through_pyomo_against_directly() -> None:
    case = load_case("thirteen-node")
    master = ProjectedMaster(case, QuadratureSingleStage(case.demand))
    master.solve()
    direct = seconds(lambda: _directly(case, master))
    through = seconds(lambda: _through_pyomo(master))
    print(f"\n{NUM_BATCHES} relaxations with cuts in between: directly {direct:.3f} s, through appsi {through:.3f} s")
    print(f"ratio {through / direct:.1f}")
    assert through > direct


def _directly(case: Case, master: ProjectedMaster) -> float:
    fresh = ProjectedMaster(case, QuadratureSingleStage(case.demand))
    session: HighsSession = fresh._session
    for batch in np.array_split(np.arange(len(master._rows)), NUM_BATCHES):
        session.add_rows([master._rows[k] for k in batch])
        solution = session.solve(relaxed=True)
    return solution.objective


def _through_pyomo(master: ProjectedMaster) -> float:
    model = master.as_pyomo()
    pyo.TransformationFactory("core.relax_integer_vars").apply_to(model)
    cuts = list(model.cuts.values())
    for cut in cuts:
        cut.deactivate()
    solver = Highs()
    for batch in np.array_split(np.arange(len(cuts)), NUM_BATCHES):
        for k in batch:
            cuts[k].activate()
        result = solver.solve(model)
    return float(result.best_feasible_objective)
