"""The one door to HiGHS: a Pyomo model is compiled once, rows are added to the solver directly, and it is re-solved.

Pyomo states the model; it would cost more than HiGHS itself if every re-solve went through it (see design/README.md),
so a session keeps the solver's own copy and the Pyomo model stays as the readable and exported twin.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import highspy
import numpy as np
from numpy.typing import NDArray
from pyomo.environ import ConcreteModel
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

from design.recorder import UNRECORDED, Codec, Recorder, packed, unpacked

Floats = NDArray[np.float64]


class SolveStatus(Enum):
    """How a solve ended; anything but OPTIMAL proves nothing about optimality."""

    OPTIMAL = "solved to the requested gap"
    TIME_LIMIT = "stopped at the time limit: the dual bound holds, the solution may not be best"
    TOO_LARGE = "too large for a search tree: the dual bound holds, the solution may not be best"
    INTERRUPTED = "interrupted: the dual bound holds, the solution may not be best"
    INFEASIBLE = "no solution satisfies all constraints"
    UNBOUNDED = "the objective is unbounded: a cost is missing or negative"
    FAILED = "the solver gave no usable answer"


class SolverError(RuntimeError):
    """HiGHS refused a model or an option."""


@dataclass(frozen=True)
class Row:
    """A linear inequality: lower <= Σ coefficients · columns.

    Parameters
    ----------
    lower
        Left-hand side.
    columns, coefficients
        Solver columns and their factors, of equal length.
    """

    lower: float
    columns: tuple[int, ...]
    coefficients: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Solution:
    """What a solve returned.

    Parameters
    ----------
    status
        How it ended.
    values
        Value of each column, shape (column,), or None without a solution.
    objective
        Its objective, infinite without a solution.
    dual_bound
        No solution of the model has a lower objective.
    """

    status: SolveStatus
    values: Floats | None
    objective: float
    dual_bound: float


HUGE = 20_000  # columns; from here on relaxations are solved by interior points, and a search tree ends nowhere
INTERIOR_ERROR = 1e-6  # of their optimum


_STATUS = {
    highspy.HighsModelStatus.kOptimal: SolveStatus.OPTIMAL,
    highspy.HighsModelStatus.kTimeLimit: SolveStatus.TIME_LIMIT,
    highspy.HighsModelStatus.kInterrupt: SolveStatus.INTERRUPTED,
    highspy.HighsModelStatus.kInfeasible: SolveStatus.INFEASIBLE,
    highspy.HighsModelStatus.kUnboundedOrInfeasible: SolveStatus.INFEASIBLE,
    highspy.HighsModelStatus.kUnbounded: SolveStatus.UNBOUNDED,
}

_OPTIONS: dict[str, bool | int | float | str] = {
    "output_flag": False,
    "threads": 1,
    "random_seed": 0,
    "mip_feasibility_tolerance": 1e-9,
    "mip_abs_gap": 1e-9,
    "mip_allow_restart": False,
    "mip_detect_symmetry": False,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_root_reduced_cost": False,
    "mip_heuristic_run_feasibility_jump": False,
}


def _encoded(solution: Solution) -> dict[str, Any]:
    values = None if solution.values is None else packed(solution.values)
    return {
        "status": solution.status.name,
        "values": values,
        "objective": solution.objective,
        "dual_bound": solution.dual_bound,
    }


def _decoded(content: dict[str, Any]) -> Solution:
    values = None if content["values"] is None else unpacked(content["values"])
    return Solution(SolveStatus[content["status"]], values, content["objective"], content["dual_bound"])


_FINAL = (SolveStatus.OPTIMAL, SolveStatus.INFEASIBLE, SolveStatus.UNBOUNDED)
_CODEC: Codec[Solution] = Codec(_encoded, _decoded, lambda solution: solution.status in _FINAL)


class HighsSession:
    """HiGHS holding one model.

    Parameters
    ----------
    model
        A linear Pyomo model with one minimization objective.
    relative_gap
        Relative gap between solution and dual bound at which a mixed-integer solve may stop.
    recorder
        Keeps what HiGHS answers.
    """

    def __init__(self, model: ConcreteModel, relative_gap: float = 1e-6, recorder: Recorder = UNRECORDED) -> None:
        self._recorder = recorder
        form = LinearStandardFormCompiler().write(model, mixed_form=True)
        self._variables = list(form.columns)
        self._column = {id(variable): k for k, variable in enumerate(self._variables)}
        self._is_integer = np.array([variable.is_integer() for variable in self._variables])
        self._highs = highspy.Highs()
        self._relative_gap = relative_gap
        for name, value in {**_OPTIONS, "mip_rel_gap": relative_gap}.items():
            self._set(name, value)
        self._check(self._highs.passModel(_standard_form(form, self._variables)), "the model")
        self._relaxed = True

    def columns(self, variables: Iterable[Any]) -> list[int]:
        """Solver columns of Pyomo variables; KeyError for one that the model does not use."""
        return [self._column[id(variable)] for variable in variables]

    @property
    def is_huge(self) -> bool:
        """Whether there are so many columns that a search tree is not worth its time."""
        return len(self._variables) >= HUGE

    @property
    def num_rows(self) -> int:
        """Rows of the model, those added included."""
        return int(self._highs.getNumRow())

    @property
    def names(self) -> list[str]:
        """Pyomo's name of each solver column."""
        return [variable.name for variable in self._variables]

    def add_rows(self, rows: Sequence[Row]) -> None:
        """Add inequalities to the solver's copy of the model."""
        for row in rows:
            self._check(
                self._highs.addRow(
                    row.lower,
                    highspy.kHighsInf,
                    len(row.columns),
                    np.array(row.columns, dtype=np.int32),
                    np.array(row.coefficients, dtype=np.float64),
                ),
                "a row",
            )

    def solve(
        self, *, relaxed: bool, time_limit: float = np.inf, start: Floats | None = None, relative_gap: float = 0.0
    ) -> Solution:
        """Solve the model with all rows added so far.

        Parameters
        ----------
        relaxed
            Whether integrality is dropped.
        time_limit
            Seconds for this solve.
        start
            A solution whose integer part a mixed-integer solve starts from, shape (column,); HiGHS completes it.
        relative_gap
            At which a mixed-integer solve may stop, if more than the session's.
        """
        self._set("mip_rel_gap", max(relative_gap, self._relative_gap))
        return self._recorder.value("solve", lambda: self._solve(relaxed, time_limit, start), _CODEC)

    def complete(self, start: Floats, time_limit: float = np.inf) -> Solution:
        """The best solution with the integer part of `start`, shape (column,); later relaxations go on as before.

        Parameters
        ----------
        start
            A solution of which the integer columns count.
        time_limit
            Seconds for this solve.
        """
        return self._recorder.value("completion", lambda: self._complete(start, time_limit), _CODEC)

    def forget(self) -> None:
        """Let the next solve depend on the model alone, not on where the last one stood."""
        self._highs.clearSolver()

    def _complete(self, start: Floats, time_limit: float) -> Solution:
        columns = np.flatnonzero(self._is_integer).astype(np.int32)
        fixed, basis = np.round(start[columns]), self._highs.getBasis()
        self._highs.changeColsBounds(len(columns), columns, fixed, fixed)
        self._highs.clearSolver()
        found = self._solve(True, time_limit, start)
        self._highs.changeColsBounds(len(columns), columns, np.zeros(len(columns)), np.ones(len(columns)))
        self._highs.clearSolver()
        if basis.valid:
            self._highs.setBasis(basis)
        return found

    def _solve(self, relaxed: bool, time_limit: float, start: Floats | None) -> Solution:
        if self._relaxed != relaxed:
            self._set_integrality(relaxed)
        inside = relaxed and start is None and self.is_huge
        self._set("solver", "ipm" if inside else "choose")
        self._set("run_crossover", "off" if inside else "on")
        self._set("time_limit", max(time_limit, 0.0) if np.isfinite(time_limit) else highspy.kHighsInf)
        if not relaxed:
            self._highs.clearSolver()  # so that the answer depends on the model and the start alone
        if start is not None and not relaxed:
            columns = np.flatnonzero(self._is_integer).astype(np.int32)
            self._highs.setSolution(len(columns), columns, np.round(start[columns]))
        self._highs.HandleKeyboardInterrupt = True
        self._highs.solve()
        found = self._read(relaxed)
        return replace(found, dual_bound=found.dual_bound - INTERIOR_ERROR * abs(found.dual_bound)) if inside else found

    def _read(self, relaxed: bool) -> Solution:
        status = _STATUS.get(self._highs.getModelStatus(), SolveStatus.FAILED)
        info = self._highs.getInfo()
        found = info.primal_solution_status == int(highspy.SolutionStatus.kSolutionStatusFeasible)
        values = np.array(self._highs.getSolution().col_value) if found else None
        objective = info.objective_function_value if found else np.inf
        relaxed_bound = objective if status is SolveStatus.OPTIMAL else -np.inf
        bound = relaxed_bound if relaxed else info.mip_dual_bound
        return Solution(status, values, objective, bound)

    def _set_integrality(self, relaxed: bool) -> None:
        kinds = [
            highspy.HighsVarType.kInteger if integer and not relaxed else highspy.HighsVarType.kContinuous
            for integer in self._is_integer
        ]
        count = len(kinds)
        self._check(
            self._highs.changeColsIntegrality(count, np.arange(count, dtype=np.int32), np.array(kinds)),
            "the integrality of columns",
        )
        self._relaxed = relaxed

    def _set(self, name: str, value: bool | int | float | str) -> None:
        self._check(self._highs.setOptionValue(name, value), f"option {name}={value}")

    def _check(self, status: highspy.HighsStatus, what: str) -> None:
        if status == highspy.HighsStatus.kError:
            raise SolverError(f"HiGHS refused {what}")


def _standard_form(form: Any, variables: list[Any]) -> highspy.HighsLp:
    """The compiled Pyomo model as HiGHS takes it, all columns continuous."""
    matrix = form.A.tocsr()
    rhs = np.asarray(form.rhs, dtype=np.float64)
    kinds = np.array([row.bound_type for row in form.rows])
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(variables), len(rhs)
    lp.col_cost_ = np.asarray(form.c.toarray()).ravel()
    lp.offset_ = float(np.asarray(form.c_offset).ravel()[0])
    lp.col_lower_ = np.array([-np.inf if v.lb is None else v.lb for v in variables])
    lp.col_upper_ = np.array([np.inf if v.ub is None else v.ub for v in variables])
    lp.row_lower_ = np.where(kinds == 1, -np.inf, rhs)
    lp.row_upper_ = np.where(kinds == -1, np.inf, rhs)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = matrix.indptr
    lp.a_matrix_.index_ = matrix.indices
    lp.a_matrix_.value_ = matrix.data
    return lp
