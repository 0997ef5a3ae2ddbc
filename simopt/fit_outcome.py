"""The outcome of `fit`: the demand distribution of every node, how well it fits, and what speaks against the model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from design.fit import ENOUGH_PERIODS, REJECTED, NodeFit, mean_is_far
from design.history import History
from design.series_tests import Correlation, SeriesTests

_LEVEL = 0.01
_SHOWN_PAIRS = 5
_DEPENDENCE = "the fit takes periods as independent; see the columns autocorrelation and block of demand.csv"


@dataclass(frozen=True, eq=False)
class FittedNode:
    """A node's distribution and the tests of its history; None where it is constant or too short to test."""

    fit: NodeFit
    tests: SeriesTests | None

    @property
    def label(self) -> str:
        """Node, and product where there is one."""
        return self.fit.series.label

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for whatever a planner should know before using the fit."""
        return tuple(f"{self.label}: {line}" for line in (*self._fit_warnings(), *self._test_warnings()))

    def _fit_warnings(self) -> list[str]:
        fit, demand = self.fit, self.fit.series.demand
        lines = []
        if len(demand) < ENOUGH_PERIODS:
            number = f"{len(demand)} periods are few to choose a distribution by"
            lines.append(f"{number} ({ENOUGH_PERIODS} or more are better)")
        if np.ptp(demand) == 0.0:
            lines.append(f"demand is {demand[0]:g} in every period: normal with sd 0")
        if fit.p_value is not None and fit.p_value < REJECTED:
            best = fit.candidates[0].distribution == fit.distribution
            which = f"{'even the best fit' if best else 'the fit'}, {fit.distribution},"
            other = "--distribution empirical takes the history itself"
            lines.append(f"{which} is rejected ({p_text(fit.p_value)}); {other}")
        return [*lines, *self._mean_warnings()]

    def _mean_warnings(self) -> list[str]:
        """Fits whose tail leads far beyond the data."""
        fit, demand = self.fit, self.fit.series.demand
        history = f"is far from the history's {demand.mean():.4g}"
        if fit.chosen is not None and mean_is_far(fit.chosen, demand):
            return [f"the fit's mean {fit.chosen.mean:.4g} {history}"]
        if fit.candidates and mean_is_far(fit.candidates[0], demand):
            best = fit.candidates[0]
            return [f"{best.distribution} has a lower criterion, but its mean {best.mean:.4g} {history}"]
        return []

    def _test_warnings(self) -> list[str]:
        tests, lines = self.tests, []
        if tests is None:
            return []
        if tests.lag_one_p < _LEVEL:
            lines.append(
                f"autocorrelation {tests.lag_one:+.2f} from period to period ({p_text(tests.lag_one_p)}): "
                + _DEPENDENCE
            )
        elif tests.ljung_box_p < _LEVEL:
            lines.append(
                f"autocorrelation within {tests.lags} periods (Ljung-Box {p_text(tests.ljung_box_p)}): " + _DEPENDENCE
            )
        if tests.trend_p < _LEVEL:
            way = "rising" if tests.trend > 0.0 else "falling"
            lines.append(
                f"{way} over the history (rank correlation with time {tests.trend:+.2f}, {p_text(tests.trend_p)}): "
                "the fit mixes old and new; see [seasons.NAME] growth"
            )
        if tests.season_p is not None and tests.season_p < _LEVEL:
            test = f"Kruskal-Wallis {p_text(tests.season_p)}"
            lines.append(f"perhaps a pattern of {tests.season} periods ({test}): see profiles.csv and [seasons.NAME]")
        return lines

    def as_dict(self) -> dict[str, Any]:
        """The record in fit.json."""
        fit, demand = self.fit, self.fit.series.demand
        return {
            "node": fit.series.node,
            **({"product": fit.series.product} if fit.series.product else {}),
            "periods": len(demand),
            "filled_periods": fit.series.filled,
            "periods_with_demand": int(np.count_nonzero(demand)),
            "mean": float(demand.mean()),
            "sd": float(demand.std(ddof=1)),
            "resolution": fit.resolution,
            "distribution": fit.distribution,
            "parameters": dict(fit.parameters),
            "criterion_margin": fit.margin,
            "anderson_darling": fit.statistic,
            "p_value": fit.p_value,
            "candidates": [asdict(one) for one in fit.candidates],
            "tests": None if self.tests is None else asdict(self.tests),
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, eq=False)
class FitOutcome:
    """The distributions of a whole history.

    Parameters
    ----------
    history
        What was fitted.
    distribution
        `auto` or the distribution asked for.
    missing
        How periods without a row were taken.
    seed
        Of the bootstrap.
    nodes
        In the order of the history.
    correlations
        Pairs of nodes with correlated demand.
    """

    history: History
    distribution: str
    missing: str
    seed: int
    nodes: tuple[FittedNode, ...]
    correlations: tuple[Correlation, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """Those of the table, of each node, and of pairs of nodes."""
        lines = [*self.history.warnings, *(line for node in self.nodes for line in node.warnings)]
        if self.correlations:
            shown = [f"{c.first} and {c.second} {c.value:+.2f}" for c in self.correlations[:_SHOWN_PAIRS]]
            rest = len(self.correlations) - len(shown)
            pairs = "; ".join(shown) + (f"; and {rest} more pairs" if rest else "")
            lines.append(
                f"demand is correlated between nodes ({pairs}): the fit takes nodes as independent (correlations.csv)"
            )
        return tuple(lines)

    def as_dict(self) -> dict[str, Any]:
        """The content of fit.json."""
        history = self.history
        return {
            "history": history.file,
            "step": history.step,
            "first_period": history.first_label,
            "last_period": history.last_label,
            "distribution": self.distribution,
            "missing": self.missing,
            "seed": self.seed,
            "nodes": [node.as_dict() for node in self.nodes],
            "correlations": [asdict(pair) for pair in self.correlations],
            "warnings": list(self.warnings),
        }


def p_text(p_value: float) -> str:
    """A p-value for people."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"
