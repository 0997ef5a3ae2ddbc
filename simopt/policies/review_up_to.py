"""(R, S): every R periods, order up to a level.

S = μ·(L + R - 1) + SS(L + R - 1): the last unit of an order must last until the next one is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from simopt.planning.policy import Planner, Situation
from simopt.planning.world import Floats, Integers
from simopt.policies.fixed_target import FixedTarget
from simopt.policies.parameters import Sizing
from simopt.policies.sizing import order_up_to


@dataclass(frozen=True, eq=False, kw_only=True)
class ReviewUpToRule(FixedTarget):
    """Of one site.

    Parameters
    ----------
    review
        Periods between orders, shape (product,).
    """

    review: Integers

    def order(self, now: Situation) -> Floats:
        """What is missing, at a review; the first is in period 0."""
        return np.where(now.period % self.review == 0, self.up_to - now.position, 0.0)


@dataclass(frozen=True)
class ReviewUpTo:
    """See the module.

    Parameters
    ----------
    sizing
        Of its levels.
    review
        R, periods, at least 1; a site whose own review takes longer reviews in multiples of that.
    """

    sizing: Sizing = field(default_factory=Sizing)
    review: int = 2
    name: str = "RS"

    def rules(self, planners: Sequence[Planner]) -> list[ReviewUpToRule]:
        """See `Policy.rules`."""
        return [self._rule(s, planner) for s, planner in enumerate(planners)]

    def _rule(self, s: int, planner: Planner) -> ReviewUpToRule:
        own = planner.site.review_period
        review = -(-self.review // own) * own
        periods = planner.coverage - own + review
        up_to = order_up_to(planner, self.sizing.factor(s, planner), periods)
        return ReviewUpToRule(up_to=up_to, review=review)
