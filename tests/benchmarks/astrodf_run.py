"""ASTRO-DF of simoptlib in an environment of its own: problem and costs over pipes as JSON lines.

The first line on stdin is the problem: start, lower, upper, budget, seed. For every request on stdout, a point with the
number of its first replication and how many, a line of costs comes back. The last line on stdout is the solution.
"""

import json
import sys
from typing import ClassVar

import numpy as np
from mrg32k3a.mrg32k3a import MRG32k3a
from pydantic import BaseModel
from simopt.base import ConstraintType, Model, Objective, Problem, RepResult, VariableType
from simopt.solvers.astrodf import ASTRODF

RANDOM_STEPS = 2.0  # from the start, in which random solutions lie


def say(**content: object) -> None:
    print(json.dumps(content), flush=True)


class PointConfig(BaseModel):
    x: tuple[float, ...] = (0.0,)


class LevelsConfig(BaseModel):
    initial_solution: tuple[float, ...] = (0.0,)
    budget: int = 1000


class Pipe(Model):
    class_name_abbr: ClassVar[str] = "PIPE"
    class_name: ClassVar[str] = "Costs over a pipe"
    config_class: ClassVar[type[BaseModel]] = PointConfig
    n_rngs: ClassVar[int] = 1
    n_responses: ClassVar[int] = 1

    def before_replicate(self, rng_list: list) -> None:
        """Random numbers are the other side's."""

    def replicate(self) -> tuple[dict, dict]:
        raise NotImplementedError("costs come in batches, see Levels.simulate")


class Levels(Problem):
    class_name_abbr: ClassVar[str] = "LEVELS-1"
    class_name: ClassVar[str] = "Base-stock levels"
    config_class: ClassVar[type[BaseModel]] = LevelsConfig
    model_class: ClassVar[type[Model]] = Pipe
    n_objectives: ClassVar[int] = 1
    n_stochastic_constraints: ClassVar[int] = 0
    minmax: ClassVar[tuple[int, ...]] = (-1,)
    constraint_type: ClassVar[ConstraintType] = ConstraintType.BOX
    variable_type: ClassVar[VariableType] = VariableType.CONTINUOUS
    gradient_available: ClassVar[bool] = False
    model_default_factors: ClassVar[dict] = {}
    model_decision_factors: ClassVar[set[str]] = {"x"}
    box: ClassVar[tuple[tuple[float, ...], tuple[float, ...]]] = ((), ())

    @property
    def dim(self) -> int:
        return len(self.factors["initial_solution"])

    @property
    def lower_bounds(self) -> tuple:
        return self.box[0]

    @property
    def upper_bounds(self) -> tuple:
        return self.box[1]

    def vector_to_factor_dict(self, vector: tuple) -> dict:
        return {"x": tuple(vector)}

    def factor_dict_to_vector(self, factor_dict: dict) -> tuple:
        return tuple(factor_dict["x"])

    def get_random_solution(self, rand_sol_rng: MRG32k3a) -> tuple:
        start = self.factors["initial_solution"]
        drawn = [x + RANDOM_STEPS * (2.0 * rand_sol_rng.random() - 1.0) for x in start]
        return tuple(np.clip(drawn, *self.box))

    def simulate(self, solution: object, num_macroreps: int = 1) -> None:
        say(x=[float(x) for x in solution.x], first=int(solution.n_reps), count=int(num_macroreps))
        for cost in json.loads(sys.stdin.readline()):
            solution.add_replicate_result(RepResult(objectives=[Objective(stochastic=cost)]))

    def replicate(self, _x: tuple) -> RepResult:
        raise NotImplementedError("costs come in batches, see simulate")


def main() -> None:
    told = json.loads(sys.stdin.readline())
    Levels.box = (tuple(told["lower"]), tuple(told["upper"]))
    problem = Levels(fixed_factors={"initial_solution": tuple(told["start"]), "budget": told["budget"]})
    solver = ASTRODF()
    solver.attach_rngs([MRG32k3a(s_ss_sss_index=[2 + k, told["seed"], 0]) for k in range(3)])
    solver.solution_progenitor_rngs = [MRG32k3a(s_ss_sss_index=[0, told["seed"], 0])]
    solutions = solver.run(problem)["solution"]
    say(solution=[float(x) for x in solutions.iloc[-1]])


if __name__ == "__main__":
    main()
