"""Region-wise trust-region kriging search, by asking and telling.

The objective is a sum over groups, f(x) = sum_k f_k(x[groups[k]]), and one replicated evaluation of a point yields
every f_k. Hence one Latin hypercube in all dimensions trains all small surrogates at once. Replication r uses the same
random numbers at every point, so surrogates learn *differences* to the center, in which most noise cancels.

`start`, `ask`, `tell` are pure: state goes in and comes out, random numbers depend on seed and iteration only.

References
----------
Conn, Gould & Toint (2000), Trust-Region Methods, SIAM, algorithm 6.1.1.
Shashaani, Hashemi & Pasupathy (2018), ASTRO-DF: a class of adaptive sampling trust-region algorithms for
derivative-free stochastic optimization, SIAM Journal on Optimization 28(4), 3145-3176.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from surrogates.archive import Archive, group_dataset, paired_difference
from surrogates.dataset import FloatArray, readonly, require_finite
from surrogates.kriging import fit_kriging
from surrogates.sampling import latin_hypercube
from surrogates.search_types import DEFAULT_SEARCH, Iteration, Request, SearchParams, SearchProblem, StopReason
from surrogates.summed_model import SummedModel, minimize_in_box
from surrogates.surrogate import Fitter
from surrogates.trust_region import TrustRegion, step

Evaluate = Callable[[FloatArray, int], FloatArray]


@dataclass(frozen=True, eq=False)
class Proposal:
    """The surrogates' minimizer in the trust region, waiting to be evaluated.

    Attributes
    ----------
    point
        Shape (d,).
    predicted_reduction
        Of the objective against the center, positive.
    """

    point: FloatArray
    predicted_reduction: float


@dataclass(frozen=True, eq=False)
class SearchState:
    """Everything a search knows; `ask` and `tell` read it, `tell` returns the next one.

    Attributes
    ----------
    problem, params, seed, fitter
        What `start` was given.
    region
        The present trust region; its center is the incumbent.
    replications
        Replications per point in this iteration.
    archive
        All observations so far.
    spent
        Points times replications asked for and told so far.
    proposal
        The candidate to evaluate next; None while the design of experiment is.
    log
        One record per finished iteration.
    reason
        Why the search stopped, or that it has not.
    """

    problem: SearchProblem
    params: SearchParams
    seed: int
    fitter: Fitter
    region: TrustRegion
    replications: int
    archive: Archive = field(default_factory=Archive)
    spent: int = 0
    proposal: Proposal | None = None
    log: tuple[Iteration, ...] = ()
    reason: StopReason = StopReason.RUNNING

    @property
    def finished(self) -> bool:
        """Whether nothing is left to ask."""
        return self.reason is not StopReason.RUNNING

    @property
    def incumbent(self) -> FloatArray:
        """Best point known, shape (d,)."""
        return self.region.center


def start(
    problem: SearchProblem,
    x0: FloatArray,
    params: SearchParams = DEFAULT_SEARCH,
    seed: int = 0,
    fitter: Fitter = fit_kriging,
) -> SearchState:
    """Begin a search.

    Parameters
    ----------
    problem
        Box, groups and scale.
    x0
        First center, shape (d,), inside the box.
    params
        Schedule and limits.
    seed
        Of the Latin hypercubes; the evaluations' random numbers are the caller's.
    fitter
        Turns a `Dataset` into a `Surrogate`.

    Raises
    ------
    ValueError
        If x0 is not a point of the box, or the budget does not pay for one iteration.
    """
    region = TrustRegion(x0, params.initial_radius, problem.scale, problem.box)
    state = SearchState(problem, params, seed, fitter, region, params.initial_replications)
    if _affordable_points(state) < params.points_per_iteration(problem):
        needed = (params.points_per_iteration(problem) + 2) * params.initial_replications
        raise ValueError(f"budget: expected at least {needed} for one iteration, got {params.budget}")
    return state


def ask(state: SearchState) -> Request:
    """Say what to evaluate next: a design of experiment with the center where it lacks replications, or a candidate.

    Raises
    ------
    ValueError
        If the search has finished.
    """
    if state.finished:
        raise ValueError(f"state: expected a running search, got one that stopped: {state.reason.value}")
    if state.proposal is not None:
        return Request(state.proposal.point[None], state.replications)
    num_points = min(state.params.points_per_iteration(state.problem), _affordable_points(state))
    points = latin_hypercube(state.region.local_box, num_points, _generator(state, 0))
    if _center_lacks_replications(state):
        points = np.vstack([state.incumbent, points])
    return Request(points, state.replications)


def tell(state: SearchState, request: Request, values: FloatArray) -> SearchState:
    """Take in what an evaluation returned.

    Parameters
    ----------
    state
        The state that was asked.
    request
        What `ask` returned for this state.
    values
        Shape (point, replication, group).

    Returns
    -------
    The next state: with a candidate after a design of experiment, with a new trust region after a candidate.

    Raises
    ------
    ValueError
        If the request is not this state's, or the values have the wrong shape or are not finite.
    """
    expected = ask(state)
    if not np.array_equal(request.points, expected.points) or request.replications != expected.replications:
        raise ValueError("request: expected the one that ask(state) returns, got another")
    shape = (request.points.shape[0], request.replications, len(state.problem.groups))
    if values.shape != shape:
        raise ValueError(f"values: expected shape (point, replication, group) = {shape}, got {values.shape}")
    require_finite("values", values, 3)

    state = replace(state, archive=state.archive.add(request.points, values), spent=state.spent + request.evaluations)
    return _propose(state) if state.proposal is None else _judge(state, state.proposal)


def run(state: SearchState, evaluate: Evaluate) -> SearchState:
    """Ask, evaluate and tell until the search has finished.

    Parameters
    ----------
    state
        What `start` returned, or any later state.
    evaluate
        Takes points (m, d) and a number of replications, returns values (point, replication, group).
    """
    while not state.finished:
        request = ask(state)
        state = tell(state, request, evaluate(request.points, request.replications))
    return state


def _propose(state: SearchState) -> SearchState:
    """Fit one surrogate per group and minimize their sum in the trust region."""
    groups = state.problem.groups
    surrogates = tuple(
        state.fitter(group_dataset(state.archive, state.region, k, group, state.params.pairing))
        for k, group in enumerate(groups)
    )
    model = SummedModel(surrogates, groups)
    center_mean = float(model.mean(state.incumbent[None])[0])
    point, lowest = minimize_in_box(model, state.region.local_box, state.incumbent, _generator(state, 1))
    reduction = center_mean - lowest
    if reduction <= 0.0 or np.array_equal(point, state.incumbent):
        return _conclude(state, state.incumbent, 0.0, np.zeros(state.replications))
    return replace(state, proposal=Proposal(readonly(point), reduction))


def _judge(state: SearchState, proposal: Proposal) -> SearchState:
    """Compare the candidate with the center, replication by replication."""
    difference = paired_difference(state.archive.at(proposal.point), state.archive.at(state.incumbent))
    return _conclude(state, proposal.point, proposal.predicted_reduction, -difference.sum(axis=1))


def _conclude(state: SearchState, candidate: FloatArray, predicted: float, reductions: FloatArray) -> SearchState:
    """End an iteration: move and resize the region, set the replications, log, and see whether to stop."""
    actual = float(reductions.mean())
    half_width = float(state.params.normal_quantile * reductions.std(ddof=1) / np.sqrt(reductions.size))
    ratio = actual / predicted if predicted > 0.0 else -np.inf
    region = step(state.region, ratio, candidate, state.params.trust_region)
    record = Iteration(
        number=len(state.log),
        radius=state.region.radius,
        replications=state.replications,
        spent=state.spent,
        center_mean=float(state.archive.at(state.incumbent).values.sum(axis=1).mean()),
        predicted_reduction=predicted,
        actual_reduction=actual,
        half_width=half_width,
        accepted=ratio >= state.params.trust_region.accept,
    )
    if record.negligible(state.params.tolerance):  # nothing left at this size: look closer, with more replications
        region = replace(region, radius=state.region.radius * state.params.trust_region.shrinkage)
    state = replace(state, region=region, proposal=None, log=(*state.log, record))
    state = replace(state, replications=_scheduled_replications(state))
    return replace(state, reason=_reason(state))


def _scheduled_replications(state: SearchState) -> int:
    """Replications grow as (initial radius / radius)^p, never fall, and leave the budget a full iteration."""
    params = state.params
    growth = (params.initial_radius / state.region.radius) ** params.replication_growth
    wanted = min(int(params.initial_replications * growth), params.maximum_replications)
    payable = (params.budget - state.spent) // (params.points_per_iteration(state.problem) + 2)
    return max(min(wanted, payable), state.replications)


def _reason(state: SearchState) -> StopReason:
    params = state.params
    if state.region.radius < params.minimum_radius:
        return StopReason.MINIMUM_RADIUS
    recent = state.log[-params.patience :]
    if len(recent) == params.patience and all(record.negligible(params.tolerance) for record in recent):
        return StopReason.NO_IMPROVEMENT_LEFT
    if 2 * _affordable_points(state) < params.points_per_iteration(state.problem):
        return StopReason.BUDGET_SPENT
    return StopReason.RUNNING


def _affordable_points(state: SearchState) -> int:
    """Design points the budget pays for, besides the candidate and the center where that lacks replications."""
    points = (state.params.budget - state.spent) // state.replications
    return points - 1 - int(_center_lacks_replications(state))


def _center_lacks_replications(state: SearchState) -> bool:
    return state.archive.replications(state.incumbent) < state.replications


def _generator(state: SearchState, purpose: int) -> np.random.Generator:
    return np.random.default_rng([state.seed, len(state.log), purpose])
