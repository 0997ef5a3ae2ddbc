"""Demand distributions from a history: read, fit every node, test what the model takes for granted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from design.errors import BadInputError, expected_one_of
from design.families import FAMILIES
from design.fit import AUTO, EMPIRICAL, FitError, NodeFit, fit_series
from design.history import read_history
from design.series_tests import correlated_pairs, run_tests
from design.streams import Purpose, generator, name_keys
from simopt.fit_outcome import FitOutcome, FittedNode


@dataclass(frozen=True)
class FitOptions:
    """What `fit` is asked for.

    Parameters
    ----------
    distribution
        `auto`: the best for each node; else one for all.
    missing
        `refuse` or `zero`: what a period without a row means.
    seed
        Of the bootstrap.
    """

    distribution: str = AUTO
    missing: str = "refuse"
    seed: int = 0

    def __post_init__(self) -> None:
        known = (AUTO, *FAMILIES, EMPIRICAL)
        if self.distribution not in known:
            raise BadInputError(f"--distribution {self.distribution!r}: {expected_one_of(self.distribution, known)}")
        if self.seed < 0:
            raise BadInputError(f"--seed {self.seed}: expected a whole number, at least 0")


def fit_history(path: Path, options: FitOptions) -> FitOutcome:
    """Fit a distribution to every node of a history.

    Parameters
    ----------
    path
        The table.
    options
        What is asked for.

    Raises
    ------
    BadInputError
        Listing everything wrong with the table, or every node that cannot be fitted.
    """
    history = read_history(path, options.missing)
    fits: list[NodeFit] = []
    refused: list[str] = []
    for series in history.series:
        rng = generator(options.seed, Purpose.GOODNESS_OF_FIT, *name_keys(series.label))
        try:
            fits.append(fit_series(series, options.distribution, rng))
        except FitError as error:
            refused.append(f"{path}: {error}")
    if refused:
        raise FitError("\n".join(refused))
    nodes = tuple(FittedNode(fit, run_tests(fit.series, history.step)) for fit in fits)
    pairs = correlated_pairs(history.series)
    return FitOutcome(history, options.distribution, options.missing, options.seed, nodes, tuple(pairs))
