"""Fitted distributions: against scipy's likelihoods, on data from known ones, and how well p-values are calibrated."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import minimize

from design.demand import make_demand
from design.families import FAMILIES
from design.fit import FitError, NodeFit, fit_series, recorded, resolution_of
from design.history import Series
from design.likelihood import (
    anderson_darling,
    equal_cells,
    expansion,
    fit_family,
    goodness_of_fit,
    maximize,
    observed_cells,
)

Floats = NDArray[np.float64]
Generator = np.random.Generator


def positive(rng: Generator, share: float, sizes: Floats) -> Floats:
    """Sizes in some periods only, whole and at least 1."""
    return np.where(rng.random(len(sizes)) < share, np.maximum(np.round(sizes), 1.0), 0.0)


# name: data, and the columns of demand.csv that they come from
KNOWN: dict[str, tuple[Callable[[Generator, int], Floats], dict[str, float]]] = {
    "normal": (lambda rng, n: np.round(np.maximum(rng.normal(30, 20, n), 0.0), 1), {"mean": 30, "sd": 20}),
    "poisson": (lambda rng, n: rng.poisson(4.0, n).astype(float), {"mean": 4}),
    "gamma": (lambda rng, n: np.round(rng.gamma(2.0, 10.0, n), 2), {"mean": 20, "sd": 20 / np.sqrt(2)}),
    "negative_binomial": (
        lambda rng, n: rng.negative_binomial(2, 0.2, n).astype(float),
        {"mean": 8, "sd": np.sqrt(40)},
    ),
    "lognormal": (
        lambda rng, n: np.round(rng.lognormal(4.0, 0.8, n)),
        {"mean": np.exp(4.32), "sd": np.exp(4.32) * np.sqrt(np.expm1(0.64))},
    ),
    "intermittent": (
        lambda rng, n: positive(rng, 0.3, rng.gamma(4.0, 5.0, n)),
        {"mean": 20, "sd": 10, "probability": 0.3},
    ),
}
# name: scipy's distribution of positive demand or of counts, from the columns of demand.csv
FROZEN: dict[str, Callable[[dict[str, float]], object]] = {
    "normal": lambda c: stats.norm(c["mean"], c["sd"]),
    "poisson": lambda c: stats.poisson(c["mean"]),
    "gamma": lambda c: stats.gamma((c["mean"] / c["sd"]) ** 2, scale=c["sd"] ** 2 / c["mean"]),
    "negative_binomial": lambda c: stats.nbinom(c["mean"] ** 2 / (c["sd"] ** 2 - c["mean"]), c["mean"] / c["sd"] ** 2),
    "lognormal": lambda c: stats.lognorm(
        np.sqrt(np.log1p((c["sd"] / c["mean"]) ** 2)),
        scale=c["mean"] / np.sqrt(1.0 + (c["sd"] / c["mean"]) ** 2),
    ),
}


def series(demand: Floats, node: str = "a") -> Series:
    return Series(node, "", 0, np.asarray(demand, dtype=np.float64))


def fitted(demand: Floats, distribution: str = "auto", seed: int = 0) -> NodeFit:
    return fit_series(series(demand), distribution, np.random.default_rng(seed))


def scipy_log_likelihood(name: str, columns: dict[str, float], demand: Floats, size: float) -> float:
    """Of data rounded to multiples of `size`, from scipy's distributions."""
    if name == "intermittent":
        sizes = demand[demand > 0.0]
        law = FROZEN["gamma"](columns)
        lower = np.where(sizes > 1.5 * size, sizes - 0.5 * size, 0.0)
        p = columns["probability"]
        empty = len(demand) - len(sizes)
        inner = np.log(law.cdf(sizes + 0.5 * size) - law.cdf(lower)).sum()
        return float(inner + len(sizes) * np.log(p) + empty * np.log1p(-p))
    law = FROZEN[name](columns)
    if FAMILIES[name].whole:
        return float(law.logpmf(demand).sum())
    below = np.where(demand > 0.0, law.cdf(demand - 0.5 * size), 0.0)
    return float(np.log(law.cdf(demand + 0.5 * size) - below).sum())


@pytest.mark.parametrize("number", [25, 200])
@pytest.mark.parametrize("name", KNOWN)
def test_likelihood_and_its_maximum_are_those_of_scipy(name, number):
    demand = KNOWN[name][0](np.random.default_rng(3), number)
    size = resolution_of(demand)
    fit = fitted(demand, name)
    chosen = fit.chosen
    assert chosen.log_likelihood == pytest.approx(scipy_log_likelihood(name, fit.parameters, demand, size), abs=1e-4)

    names = list(fit.parameters)
    start = np.log([fit.parameters[key] * 1.05 for key in names])

    def loss(logs: Floats) -> float:
        with np.errstate(all="ignore"):
            value = -scipy_log_likelihood(name, dict(zip(names, np.exp(logs), strict=True)), demand, size)
        return value if np.isfinite(value) else 1e9

    best = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9, "maxiter": 3000})
    assert -best.fun == pytest.approx(chosen.log_likelihood, abs=1e-4)
    assert np.exp(best.x) == pytest.approx([fit.parameters[key] for key in names], rel=2e-3)


def test_maxima_known_in_closed_form():
    rng = np.random.default_rng(5)
    counts = rng.negative_binomial(3, 0.3, 80).astype(float)
    assert fitted(counts, "poisson").parameters["mean"] == pytest.approx(counts.mean(), rel=1e-9)
    assert fitted(counts, "negative_binomial").parameters["mean"] == pytest.approx(counts.mean(), rel=1e-5)
    fine = np.exp(rng.normal(3.0, 0.5, 80))
    normal = fitted(fine, "normal").parameters
    assert (normal["mean"], normal["sd"]) == pytest.approx((fine.mean(), fine.std()), rel=1e-4)
    shape, _, scale = stats.gamma.fit(fine, floc=0.0)
    gamma = fitted(fine, "gamma").parameters
    assert (gamma["mean"], gamma["sd"]) == pytest.approx((shape * scale, np.sqrt(shape) * scale), rel=1e-3)
    logs = np.log(fine)
    log_normal = fitted(fine, "lognormal").parameters
    assert log_normal["mean"] == pytest.approx(np.exp(logs.mean() + 0.5 * logs.var()), rel=1e-4)
    rare = positive(rng, 0.4, rng.gamma(4.0, 5.0, 80))
    assert fitted(rare, "intermittent").parameters["probability"] == pytest.approx((rare > 0.0).mean(), rel=1e-6)


@pytest.mark.parametrize("name", KNOWN)
def test_demand_classes_have_the_same_probabilities_and_moments(name):
    fit = fitted(KNOWN[name][0](np.random.default_rng(4), 120), name)
    family, columns = FAMILIES[name], fit.parameters
    demand = make_demand(name, columns["mean"], columns.get("sd"), columns.get("probability"))
    assert demand.mean == pytest.approx(fit.chosen.mean, rel=1e-9)
    assert demand.whole_units == family.whole
    values = np.unique(
        np.quantile(recorded(fit.series.demand, fit.resolution), np.linspace(0.1, 0.95, 15), method="lower")
    )
    values = values[values > 0.0]
    below = family.tails(fit.vector, values)[0]
    assert below + family.tails(fit.vector, values)[1] == pytest.approx(np.ones(len(values)))
    if family.whole:
        assert (demand.quantile(below - 1e-9) == values).all()
        assert (demand.quantile(below + 1e-9) == values + 1.0).all()
    else:
        assert demand.quantile(below) == pytest.approx((values + 0.5) * fit.resolution, rel=1e-6)
    if name in ("normal", "intermittent"):
        none = family.tails(fit.vector, np.zeros(1))[0]
        assert demand.quantile(none - 1e-3) == pytest.approx(0.0, abs=fit.resolution)


@pytest.mark.parametrize("number", [200, 1000])
@pytest.mark.parametrize("name", KNOWN)
def test_the_right_family_and_its_parameters_are_recovered(name, number):
    """Families that look alike may win by chance, but never by much."""
    generate, truth = KNOWN[name]
    fits = [fitted(generate(np.random.default_rng([seed, number]), number)) for seed in range(8)]
    assert sum(fit.distribution == name for fit in fits) >= 5
    assert sum(fit.p_value < 0.05 for fit in fits) <= 2
    for fit in fits:
        own = next(one for one in fit.candidates if one.distribution == name)
        assert own.criterion - fit.candidates[0].criterion < 6.0
        for key, value in truth.items():
            assert own.parameters[key] == pytest.approx(value, rel=6.0 / np.sqrt(number))


@pytest.mark.parametrize("name", ["poisson", "normal", "gamma", "intermittent"])
def test_p_values_are_about_uniform_for_data_from_the_family(name):
    rng = np.random.default_rng(11)
    family, generate = FAMILIES[name], KNOWN[name][0]
    p_values = []
    for _ in range(150):
        demand = generate(rng, 40)
        values = recorded(demand, resolution_of(demand))
        theta, _ = fit_family(family, values)
        p_values.append(goodness_of_fit(family, theta, values, rng)[1])
    shares = [np.mean(np.array(p_values) <= level) for level in (0.01, 0.1, 0.5, 0.9)]
    assert shares[0] <= 0.035
    assert 0.03 <= shares[1] <= 0.18
    assert 0.38 <= shares[2] <= 0.62
    assert shares[3] >= 0.82


@pytest.mark.parametrize("name", ["normal", "poisson", "gamma", "negative_binomial"])
def test_a_wrong_family_is_rejected(name):
    rng = np.random.default_rng(2)
    two_humps = np.where(rng.random(200) < 0.5, rng.poisson(5.0, 200), rng.poisson(40.0, 200)).astype(float)
    assert fitted(two_humps, name).p_value < 0.01
    assert fitted(two_humps).p_value < 0.01


def test_statistic_is_that_of_anderson_and_darling():
    """With many cells the grouped statistic nears the textbook formula."""
    uniform = np.sort(np.random.default_rng(4).random(150))
    order = np.arange(1, 151)
    exact = -150 - ((2 * order - 1) * (np.log(uniform) + np.log1p(-uniform[::-1]))).sum() / 150
    cells = 40_000
    counts = np.bincount((uniform * cells).astype(int), minlength=cells).astype(float)
    grouped = anderson_darling(counts[None], np.full((1, cells), 1.0 / cells))[0]
    assert grouped == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize("name", KNOWN)
def test_bootstrap_refits_are_close_to_exact_ones(name):
    """The expansion around the fit against full likelihoods in the same cells."""
    rng = np.random.default_rng(8)
    demand = KNOWN[name][0](rng, 60)
    family, values = FAMILIES[name], recorded(demand, resolution_of(demand))
    theta, _ = fit_family(family, values)
    upper = equal_cells(family, theta)
    model = expansion(family, theta, upper)
    mass = model(np.zeros((1, len(theta))))[0]
    samples = rng.multinomial(60, mass[0], 40).astype(float)
    bound = np.full(len(theta), 3.0)
    quick = maximize(model, samples, np.zeros(len(theta)), (-bound, bound), 8)[0]

    def exact_model(points: Floats) -> tuple[Floats, Floats]:
        shifts = 1e-4 * np.eye(len(theta))
        up, down = (family.probabilities(points[:, None, :] + sign * shifts, upper) for sign in (1.0, -1.0))
        return family.probabilities(points, upper), (up - down) / 2e-4

    bounds = np.array(family.lower), np.array(family.upper)
    exact = maximize(exact_model, samples, theta, bounds, 60)[0]
    expected = anderson_darling(samples, family.probabilities(exact, upper))
    found = anderson_darling(samples, model(quick)[0])
    assert np.median(np.abs(found / expected - 1.0)) < 0.02
    assert np.corrcoef(found, expected)[0, 1] > 0.98


@pytest.mark.parametrize("name", KNOWN)
def test_cells_cover_everything_once(name):
    demand = KNOWN[name][0](np.random.default_rng(6), 50)
    values = recorded(demand, resolution_of(demand))
    upper, counts = observed_cells(values)
    assert counts.sum() == len(values)
    assert sorted(set(values)) == sorted(upper[counts[:-1] > 0])
    theta, _ = fit_family(FAMILIES[name], values)
    assert FAMILIES[name].probabilities(theta, equal_cells(FAMILIES[name], theta)).sum() == pytest.approx(1.0, abs=1e-9)


def test_criterion_and_margin():
    fit = fitted(KNOWN["gamma"][0](np.random.default_rng(1), 60))
    for one in fit.candidates:
        k = FAMILIES[one.distribution].num_parameters
        assert one.criterion == pytest.approx(2 * k - 2 * one.log_likelihood + 2 * k * (k + 1) / (60 - k - 1))
    criteria = [one.criterion for one in fit.candidates]
    assert criteria == sorted(criteria)
    assert fit.margin == pytest.approx(criteria[1] - criteria[0])
    worse = fitted(fit.series.demand, fit.candidates[-1].distribution)
    assert worse.margin == pytest.approx(criteria[0] - criteria[-1])
    assert {one.distribution for one in fit.candidates} == {"normal", "gamma", "lognormal"}


@pytest.mark.parametrize(
    ("demand", "size"),
    [
        ([1, 2, 30], 1.0),
        ([10, 20, 30], 1.0),
        ([1.5, 2, 30], 0.1),
        ([0.25, 2, 30], 0.01),
        ([0.0001, 0.0003, 0.00021], 1e-5),
        (np.random.default_rng(1).random(9) * 100, 0.01),
    ],
)
def test_resolution(demand, size):
    assert resolution_of(np.asarray(demand, dtype=float)) == pytest.approx(size)


def test_units_do_not_matter():
    demand = KNOWN["gamma"][0](np.random.default_rng(9), 100)
    one, other = fitted(demand, "gamma"), fitted(demand * 100.0, "gamma")
    assert other.parameters["mean"] == pytest.approx(100.0 * one.parameters["mean"], rel=1e-6)
    assert other.parameters["sd"] == pytest.approx(100.0 * one.parameters["sd"], rel=1e-6)
    assert other.p_value == one.p_value


def test_constant_and_short_series():
    flat = fitted(np.full(10, 7.0))
    assert (flat.distribution, flat.parameters, flat.p_value) == ("normal", {"mean": 7.0, "sd": 0.0}, None)
    assert fitted(np.zeros(10)).parameters == {"mean": 0.0, "sd": 0.0}
    with pytest.raises(FitError, match="node 'a' has 5 periods: expected at least 6"):
        fitted(np.arange(5.0))


@pytest.mark.parametrize(
    ("demand", "name", "said"),
    [
        ([1.5, 2, 3, 4, 5, 6], "poisson", "demand is not in whole units"),
        ([4, 5, 4, 5, 4, 5], "negative_binomial", "variance not above the mean"),
        ([4, 5, 4, 5, 4, 5], "intermittent", "no period without demand"),
        ([0, 5, 0, 5, 0, 0], "intermittent", "fewer than 3 periods with demand"),
        ([4, 4, 4, 4, 4, 4], "gamma", "demand is 4 in every period"),
    ],
)
def test_what_cannot_be_fitted_is_said(demand, name, said):
    with pytest.raises(FitError, match=f"node 'a': {name} cannot be fitted, {said}; expected another --distribution"):
        fitted(np.array(demand, dtype=float), name)


@pytest.mark.parametrize(
    "demand",
    [
        [0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 1e6],
        [0, 1, 0, 1, 0, 1],
        [0, 5, 0, 5, 5, 0, 0, 5],
        [1e6, 1e6 + 1, 1e6, 1e6, 1e6, 1e6],
        [1e-7, 2e-7, 3e-7, 1e-7, 2e-7, 5e-7],
        [1e-18, 3e-19, 1e-30, 2e-25, 2e-19, 5e-20],
        [0.1, 0.1, 0.1, 0.1, 0.1, 5000.0],
        [1e9, 2e9, 3e9, 1e9, 5e9, 2e9],
    ],
)
def test_awkward_data_give_finite_parameters(demand):
    with np.errstate(all="raise", under="ignore"):
        fit = fitted(np.array(demand, dtype=float))
    assert all(np.isfinite(value) and value > 0.0 for value in fit.parameters.values())
    assert 0.0 < fit.p_value <= 1.0
