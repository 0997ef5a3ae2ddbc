"""What a design emits, what that costs and what a cap on it costs: the object `emissions` of `result.json`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from design.case import Case
from simopt.simulation.estimate import Estimate
from simopt.simulation.evaluate import EmissionSample


@dataclass(frozen=True)
class EmissionOutcome:
    """Emissions of a design with its levels, units of emission over the horizon.

    Parameters
    ----------
    unit
        Name of the unit.
    total
        On the fresh replications of the cost.
    transport, sites, holding
        Parts of its mean.
    price
        Money per unit of emission, or None.
    cap
        Or None.
    cap_cost
        By how much the lower bound falls without the cap, money over the horizon; None where it was not computed.
    multiplier
        Money per unit of emission beyond the price at which levels were found that keep the cap; 0 where the cheapest
        levels keep it. None where the cap is a rule on the design alone.
    """

    unit: str
    total: Estimate
    transport: float
    sites: float
    holding: float
    price: float | None = None
    cap: float | None = None
    cap_cost: float | None = None
    multiplier: float | None = None

    @property
    def cost(self) -> float | None:
        """What the emissions cost at their price, money over the horizon; None without a price."""
        return None if self.price is None else self.price * self.total.mean

    @property
    def cap_warning(self) -> tuple[str, ...]:
        """One line where the simulated total lies above the cap, beyond its half-width."""
        if self.cap is None or self.total.mean - self.total.half_width <= self.cap:
            return ()
        total = f"emissions {self.total.mean:g} ± {self.total.half_width:g} {self.unit}"
        return (f"{total} on fresh replications: above the cap {self.cap:g}",)

    def as_dict(self) -> dict[str, Any]:
        """The object; keys of a price or cap only where there is one."""
        content: dict[str, Any] = {
            "unit": self.unit,
            "total": {"mean": self.total.mean, "half_width": self.total.half_width},
            "transport": self.transport,
            "sites": self.sites,
            "holding": self.holding,
        }
        if self.price is not None:
            content |= {"price": self.price, "cost": self.cost}
        if self.cap is not None:
            content |= {"cap": self.cap, "cap_cost": self.cap_cost}
        if self.multiplier is not None:
            content["multiplier"] = self.multiplier
        return content


def emission_outcome(case: Case, sample: EmissionSample) -> EmissionOutcome:
    """The emissions of a simulated design."""
    return EmissionOutcome(
        case.emission_unit,
        Estimate.of(sample.totals),
        float(sample.transport.sum()),
        sample.sites,
        float(sample.holding.sum()),
        case.emissions.price,
        case.emissions.cap,
    )
