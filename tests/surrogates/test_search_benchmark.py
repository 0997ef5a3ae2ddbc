"""True gap of the search on eleven base-stock levels: pytest -m benchmark -s tests/surrogates."""

import time
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from surrogates.archive import PairingParams
from surrogates.kernels import gaussian
from surrogates.kriging import KrigingParams, fit_kriging
from surrogates.search import SearchParams, run, start
from tests.surrogates.problems import DEEP, SHALLOW, BaseStockTree, true_gap

TREES = {"three echelons": SHALLOW, "five echelons": DEEP}
DEFAULT = SearchParams()
VARIANTS = {
    "default": (DEFAULT, fit_kriging),
    "Gaussian kernel": (DEFAULT, partial(fit_kriging, params=KrigingParams(kernel=gaussian))),
    "all noise independent": (replace(DEFAULT, pairing=PairingParams(independent_noise=1.0)), fit_kriging),
    "no reuse outside, no thinning": (replace(DEFAULT, pairing=PairingParams(1.0, 40, 0.0)), fit_kriging),
    "4 replications at first": (replace(DEFAULT, initial_replications=4), fit_kriging),
    "32 replications at first": (replace(DEFAULT, initial_replications=32), fit_kriging),
    "replications do not grow": (replace(DEFAULT, replication_growth=0.0), fit_kriging),
    "replications ~ 1/radius^2": (replace(DEFAULT, replication_growth=2.0), fit_kriging),
    "20 points": (replace(DEFAULT, base_points=20, points_per_dimension=0), fit_kriging),
}


def gaps(spec, params, fitter, seeds):
    """Relative gaps and seconds: per seed from 1.05 x mean lead-time demand and from a random point."""
    results = []
    for seed in seeds:
        tree = BaseStockTree(**spec, entropy=seed)
        for factor in (1.05, np.random.default_rng([seed, 77]).uniform(0.6, 2.0, 11)):
            begin = time.perf_counter()
            state = run(start(tree.problem, factor * tree.scale, params, seed, fitter), tree.evaluate)
            results.append((true_gap(tree, state.incumbent), time.perf_counter() - begin))
            assert state.spent <= params.budget
    return np.array(results).T


@pytest.mark.benchmark
@pytest.mark.parametrize(("budget", "target"), [(2000, 0.02), (20_000, 0.003)])
def test_the_median_gap_meets_its_target(budget, target):
    for name, spec in TREES.items():
        gap, seconds = gaps(spec, replace(DEFAULT, budget=budget), fit_kriging, range(5))
        print(f"\n{name} {budget}: median {100 * np.median(gap):.2f}%, ", end="")
        print(f"worst {100 * gap.max():.2f}%, {np.median(seconds):.1f} s", end="")
        assert np.median(gap) <= target


@pytest.mark.benchmark
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_defaults_beside_their_variants(variant):
    params, fitter = VARIANTS[variant]
    for budget in (2000, 20_000):
        both = [gaps(spec, replace(params, budget=budget), fitter, range(3))[0] for spec in TREES.values()]
        gap = np.concatenate(both)
        print(f"\n{variant} {budget}: median {100 * np.median(gap):.2f}%, worst {100 * gap.max():.2f}%", end="")
        assert gap.max() < 0.2
