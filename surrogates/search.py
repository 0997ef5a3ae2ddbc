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

from surrogates.additive_kriging import condition
from surrogates.archive import Archive, group_dataset, paired_difference
from surrogates.dataset import FloatArray, readonly, require_finite
from surrogates.diagnostics import leave_one_out
from surrogates.joint_data import joint_data
from surrogates.kriging import Kriging, refit_kriging
from surrogates.sampling import latin_hypercube
from surrogates.search_types import (
    DEFAULT_SEARCH,
    GRADIENT_SEARCH,
    Iteration,
    Request,
    SearchParams,
    SearchProblem,
    StopReason,
)
from surrogates.summed_model import SummedModel, SumModel, minimize_in_box
from surrogates.surrogate import FitAll, Fitter, Surrogate, fit_in_turn
from surrogates.threads import one_blas_thread
from surrogates.trust_region import TrustRegion, step

Evaluate = Callable[[FloatArray, int], FloatArray | tuple[FloatArray, FloatArray]]


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
    problem, params, seed, fitter, with_gradients, fit_all
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
    surrogates
        One per group, of the last iteration: where the next fits start.
    reason
        Why the search stopped, or that it has not.
    """

    problem: SearchProblem
    params: SearchParams
    seed: int
    fitter: Fitter
    with_gradients: bool
    fit_all: FitAll
    region: TrustRegion
    replications: int
    archive: Archive = field(default_factory=Archive)
    spent: int = 0
    proposal: Proposal | None = None
    log: tuple[Iteration, ...] = ()
    surrogates: tuple[Surrogate, ...] = ()
    reason: StopReason = StopReason.RUNNING

    @property
    def finished(self) -> bool:
        """Whether nothing is left to ask."""
        return self.reason is not StopReason.RUNNING

    @property
    def incumbent(self) -> FloatArray:
        """Best point known, shape (d,)."""
        return self.region.center


def start(  # noqa: PLR0913
    problem: SearchProblem,
    x0: FloatArray,
    params: SearchParams | None = None,
    seed: int = 0,
    fitter: Fitter = refit_kriging,
    *,
    with_gradients: bool = False,
    fit_all: FitAll = fit_in_turn,
) -> SearchState:
    """Begin a search.

    Parameters
    ----------
    problem
        Box, groups and scale.
    x0
        First center, shape (d,), inside the box.
    params
        Schedule and limits; None: those that suit values only, or gradients.
    seed
        Of the Latin hypercubes; the evaluations' random numbers are the caller's.
    fitter
        Turns a `Dataset` and an earlier `Surrogate` of the same group into a `Surrogate`.
    with_gradients
        Whether evaluations bring the gradient of the sum; its fitter must give hyper-parameters then, as the own does.
    fit_all
        Runs the fitter over the groups: one after the other, or side by side.

    Raises
    ------
    ValueError
        If x0 is not a point of the box, or the budget does not pay for one iteration.
    """
    params = params or (GRADIENT_SEARCH if with_gradients else DEFAULT_SEARCH)
    region = TrustRegion(x0, params.initial_radius, problem.scale, problem.box)
    state = SearchState(problem, params, seed, fitter, with_gradients, fit_all, region, params.initial_replications)
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
        return Request(state.proposal.point[None], state.replications, state.with_gradients)
    points = np.empty((0, state.incumbent.size))
    if (num_points := min(_design_size(state), _affordable_points(state))) > 0:
        points = latin_hypercube(state.region.local_box, num_points, _generator(state, 0))
    if _center_lacks_replications(state):
        points = np.vstack([state.incumbent, points])
    return Request(points, state.replications, state.with_gradients)


def tell(state: SearchState, request: Request, values: FloatArray, gradients: FloatArray | None = None) -> SearchState:
    """Take in what an evaluation returned.

    Parameters
    ----------
    state
        The state that was asked.
    request
        What `ask` returned for this state.
    values
        Shape (point, replication, group).
    gradients
        Of the sum over the groups, shape (point, replication, d), where the request wants them.

    Returns
    -------
    The next state: with a candidate after a design of experiment, with a new trust region after a candidate.

    Raises
    ------
    ValueError
        If the request is not this state's, or values or gradients have the wrong shape or are not finite.
    """
    expected = ask(state)
    if not np.array_equal(request.points, expected.points) or request.replications != expected.replications:
        raise ValueError("request: expected the one that ask(state) returns, got another")
    shape = (request.points.shape[0], request.replications, len(state.problem.groups))
    if values.shape != shape:
        raise ValueError(f"values: expected shape (point, replication, group) = {shape}, got {values.shape}")
    require_finite("values", values, 3)
    _check_gradients(request, gradients)
    archive = state.archive.add(request.points, values, gradients if state.with_gradients else None)
    state = replace(state, archive=archive, spent=state.spent + request.evaluations)
    return _propose(state) if state.proposal is None else _judge(state, state.proposal)


def run(state: SearchState, evaluate: Evaluate) -> SearchState:
    """Ask, evaluate and tell until the search has finished.

    Parameters
    ----------
    state
        What `start` returned, or any later state.
    evaluate
        Takes points (m, d) and a number of replications, returns values (point, replication, group), with gradients
        a pair of values and gradients (point, replication, d).
    """
    while not state.finished:
        request = ask(state)
        found = evaluate(request.points, request.replications)
        values, gradients = found if isinstance(found, tuple) else (found, None)
        state = tell(state, request, values, gradients)
    return state


def _check_gradients(request: Request, gradients: FloatArray | None) -> None:
    if not request.with_gradients:
        return
    shape = (request.points.shape[0], request.replications, request.points.shape[1])
    if gradients is None or gradients.shape != shape:
        got = "none" if gradients is None else f"{gradients.shape}"
        raise ValueError(f"gradients: expected shape (point, replication, d) = {shape}, got {got}")
    require_finite("gradients", gradients, 3)


def _propose(state: SearchState) -> SearchState:
    """Fit one surrogate per group and minimize their sum in the trust region."""
    groups = state.problem.groups
    earlier = state.surrogates or (None,) * len(groups)
    datasets = [group_dataset(state.archive, state.region, k, g, state.params.pairing) for k, g in enumerate(groups)]
    state = replace(state, surrogates=tuple(state.fit_all(state.fitter, datasets, earlier)))
    model = _sum_model(state)
    center_mean = float(model.mean(state.incumbent[None])[0])
    point, lowest = minimize_in_box(model, state.region.local_box, state.incumbent, _generator(state, 1))
    reduction = center_mean - lowest
    if reduction <= 0.0 or np.array_equal(point, state.incumbent):
        return _conclude(state, state.incumbent, 0.0, np.zeros(state.replications))
    return replace(state, proposal=Proposal(readonly(point), reduction))


def _sum_model(state: SearchState) -> SumModel:
    """The sum of the groups' surrogates; with gradients, of the groups conditioned together."""
    groups = state.problem.groups
    if not state.with_gradients:
        return SummedModel(state.surrogates, groups)
    parts = [one.hyperparameters for one in state.surrogates if isinstance(one, Kriging)]
    if len(parts) < len(groups):
        raise ValueError("fitter: expected one that fits `kriging.Kriging`, whose hyper-parameters gradients need")
    data = joint_data(state.archive, state.region, state.params.pairing)
    with one_blas_thread():
        return condition(data, groups, parts)


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
        explained=_explained(state.surrogates),
    )
    if record.negligible(state.params.tolerance):  # nothing left at this size: look closer, with more replications
        region = replace(region, radius=state.region.radius * state.params.trust_region.shrinkage)
    state = replace(state, region=region, proposal=None, log=(*state.log, record))
    state = replace(state, replications=_scheduled_replications(state))
    return replace(state, reason=_reason(state))


def _explained(surrogates: tuple[Surrogate, ...]) -> float | None:
    """Median over the groups of what leave-one-out explains; None unless all are the own kriging."""
    models = [model for model in surrogates if isinstance(model, Kriging) and model.dataset.size > 1]
    if not models or len(models) < len(surrogates):
        return None
    return float(np.median([leave_one_out(model).explained for model in models]))


def _scheduled_replications(state: SearchState) -> int:
    """Replications grow as (initial radius / radius)^p, never fall, and leave the budget a full iteration."""
    params = state.params
    growth = (params.initial_radius / state.region.radius) ** params.replication_growth
    wanted = min(int(params.initial_replications * growth), params.maximum_replications)
    payable = (params.budget - state.spent) // (_design_size(state) + 2)
    return max(min(wanted, payable), state.replications)


def _reason(state: SearchState) -> StopReason:
    params = state.params
    if state.region.radius < params.minimum_radius:
        return StopReason.MINIMUM_RADIUS
    recent = state.log[-params.patience :]
    if len(recent) == params.patience and all(record.negligible(params.tolerance) for record in recent):
        return StopReason.NO_IMPROVEMENT_LEFT
    if 2 * _affordable_points(state) < _design_size(state):
        return StopReason.BUDGET_SPENT
    return StopReason.RUNNING


def _design_size(state: SearchState) -> int:
    """Points of this iteration's design of experiment."""
    later = state.params.later_points
    return later if state.log and later is not None else state.params.points_per_iteration(state.problem)


def _affordable_points(state: SearchState) -> int:
    """Design points the budget pays for, besides the candidate and the center where that lacks replications."""
    points = (state.params.budget - state.spent) // state.replications
    return points - 1 - int(_center_lacks_replications(state))


def _center_lacks_replications(state: SearchState) -> bool:
    return state.archive.replications(state.incumbent) < state.replications


def _generator(state: SearchState, purpose: int) -> np.random.Generator:
    return np.random.default_rng([state.seed, len(state.log), purpose])
