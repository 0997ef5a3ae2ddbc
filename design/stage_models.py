"""Single-stage costs that fit the demand of a case: quadrature, or joint samples of correlated customers."""

from __future__ import annotations

from design.case import Case
from design.correlation import Correlation
from design.demand import Floats
from design.scenario import JointScenarios, sobol_scenarios
from design.single_stage import CostRates, QuadratureSingleStage, SampledSingleStage, SingleStageModel, SingleStageValue

DEFAULT_SCENARIOS = 2048
REFERENCE_SCENARIOS = 1 << 14
MOST_NUMBERS = 1 << 24  # of a reference sample: scenarios times customers times periods


class JointSingleStage:
    """ψ by samples where a node may serve customers that are correlated with each other, by quadrature elsewhere.

    Parameters
    ----------
    exact, sampled
        The two models.
    correlation
        Between customers.
    """

    def __init__(self, exact: QuadratureSingleStage, sampled: SampledSingleStage, correlation: Correlation) -> None:
        self._exact = exact
        self._sampled = sampled
        self._correlation = correlation

    @property
    def num_scenarios(self) -> int:
        """Sampled scenarios."""
        return self._sampled.num_scenarios

    def evaluate(
        self, rates: CostRates, num_periods: int, customers: tuple[str, ...], reach: Floats
    ) -> SingleStageValue:
        """ψ and a subgradient, see `SingleStageModel.evaluate`."""
        model = self._sampled if self._correlation.joins(customers) else self._exact
        return model.evaluate(rates, num_periods, customers, reach)


def exact_costs(case: Case, *, by_period: bool = False) -> SingleStageModel:
    """Single-stage costs without sampling error; with correlated customers at 16,384 Sobol points, fewer in huge cases.

    The sampling error of these is about 0.01%.

    Parameters
    ----------
    case
        Its demand.
    by_period
        See `QuadratureSingleStage`.
    """
    exact = QuadratureSingleStage(case.demand, by_period=by_period)
    if not case.correlation:
        return exact
    numbers = max(case.network.longest_lead_time * len(case.demand), 1)
    count = min(REFERENCE_SCENARIOS, max(1 << ((MOST_NUMBERS // numbers).bit_length() - 1), DEFAULT_SCENARIOS))
    longest = max(case.network.longest_lead_time, 1)
    scenarios = JointScenarios(case.demand, case.correlation, longest, count, seed=0)
    return JointSingleStage(exact, SampledSingleStage(scenarios, by_period=by_period), case.correlation)


def sampled_costs(
    case: Case, num_scenarios: int, seed: int, batch: int = 0, *, by_period: bool = False
) -> SingleStageModel:
    """Single-stage costs as sample averages over scrambled Sobol points.

    Parameters
    ----------
    case
        Its demand.
    num_scenarios
        Rounded up to a power of two.
    seed, batch
        The run's seed and which scramble.
    by_period
        See `QuadratureSingleStage`.
    """
    if not case.correlation:
        return SampledSingleStage(sobol_scenarios(case.demand, num_scenarios, seed, batch), by_period=by_period)
    longest = max(case.network.longest_lead_time, 1)
    scenarios = JointScenarios(case.demand, case.correlation, longest, num_scenarios, seed, batch)
    exact = QuadratureSingleStage(case.demand, by_period=by_period)
    return JointSingleStage(exact, SampledSingleStage(scenarios, by_period=by_period), case.correlation)
