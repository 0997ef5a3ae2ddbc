"""Thirteen base-stock levels of one tree, and how far from the best they are: the problems of the level table."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from design.case import Case
from design.generate import GenerateParams, generate_case
from design.network import Component
from design.single_stage import QuadratureSingleStage
from design.single_stage_plan import SingleStagePlan, single_stage_plan
from design.transport import cheapest_transport_design
from simopt.optimization.kriging_search import STEPS_UP, step_sizes
from simopt.optimization.pathwise import PathwiseParams, PathwiseSearch, safe_levels
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from surrogates.dataset import Box

Floats = NDArray[np.float64]

LEVELS = 13
REFERENCE_PATHS, REFERENCE_SEED = 8_000, 777
JUDGE_BLOCKS, JUDGE_SEED = 128, 12_345  # 8,192 fresh paths


@dataclass(frozen=True, eq=False)
class LevelProblem:
    """The levels of the design of least transport cost of a generated network.

    One plant, four candidate warehouses and as many customers as make a tree of thirteen nodes.

    Parameters
    ----------
    seed
        Of the network.
    free_inner
        Whether only customers' backorders cost.
    """

    seed: int
    free_inner: bool

    @cached_property
    def _case_and_component(self) -> tuple[Case, Component]:
        for customers in (8, 9, 10, 7, 11):
            case = generate_case(GenerateParams(1, 4, customers, seed=self.seed, free_inner=self.free_inner))
            design = cheapest_transport_design(case)
            if len(design.nodes) == LEVELS:
                return case, design.components[0]
        raise ValueError(f"seed {self.seed}: expected a tree of {LEVELS} nodes")

    @property
    def case(self) -> Case:
        return self._case_and_component[0]

    @property
    def component(self) -> Component:
        return self._case_and_component[1]

    @cached_property
    def plan(self) -> SingleStagePlan:
        """Where every search starts."""
        return single_stage_plan(self.case, QuadratureSingleStage(self.case.demand), self.component)

    @cached_property
    def start(self) -> Floats:
        return safe_levels(self.plan)

    @cached_property
    def scale(self) -> Floats:
        return step_sizes(self.plan)

    @property
    def box(self) -> Box:
        """That of the search on surrogates."""
        return Box(np.zeros(LEVELS), self.start + STEPS_UP * self.scale)

    def ledger(self, seed: int, budget: float = np.inf) -> Ledger:
        return Ledger(self.case, TreeSimulator(self.case), seed, budget=budget)

    @cached_property
    def _judge(self) -> tuple[Floats, Floats]:
        """Paths that no search sees, and the cost of the reference on each."""
        ledger = self.ledger(JUDGE_SEED)
        paths = np.concatenate([ledger.fresh_paths(block) for block in range(JUDGE_BLOCKS)])
        return paths, self._costs(self.reference, paths)

    def _costs(self, levels: Floats, paths: Floats) -> Floats:
        simulator = TreeSimulator(self.case)
        return simulator.simulate(self.component, levels, paths, with_gradient=False).costs

    @cached_property
    def reference(self) -> Floats:
        """Levels found along gradients on 8,000 paths; kept in a temporary folder between runs."""
        text = f"{self.case}{REFERENCE_PATHS}{REFERENCE_SEED}"
        name = hashlib.sha256(text.encode()).hexdigest()[:24]
        kept = Path(tempfile.gettempdir()) / "simopt-level-problems" / f"{name}.npy"
        if not kept.exists():
            kept.parent.mkdir(exist_ok=True)
            params = PathwiseParams(REFERENCE_PATHS, tolerance=1e-9)
            np.save(kept, PathwiseSearch(self.ledger(REFERENCE_SEED), params).best_levels(self.component, self.plan))
        return np.load(kept)

    def gap(self, levels: Floats) -> float:
        """By how much levels cost more than the reference, as a share of its cost, on common fresh paths."""
        paths, reference = self._judge
        return float((self._costs(levels, paths) - reference).mean() / reference.mean())
