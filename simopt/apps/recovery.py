"""How a policy gets over a disturbance: the same replications with and without it."""

from __future__ import annotations

import numpy as np

from simopt.operate_outcome import Recovery
from simopt.planning.measures import Series
from simopt.planning.world import Floats, World
from simopt.simulation.estimate import Estimate, means_and_half_widths

RECOVERED = 0.05  # of the peak


def recovery_of(world: World, disturbed: Floats, calm: Floats, since: int) -> Recovery:
    """What customers are owed or lose more than without the disturbance.

    Parameters
    ----------
    world
        Where.
    disturbed, calm
        Weekly series with and without it, shape (replication, period, site, series).
    since
        Period from which recovery is counted, from 1 at the beginning of the horizon; it never comes before the peak.
    """
    facing = [s for s, site in enumerate(world.sites) if site.has_customers]
    change = (disturbed - calm)[:, world.case.warm_up :, facing]
    extra = (change[..., Series.BACKLOG] + change[..., Series.GONE]).sum(axis=2)
    peak = np.maximum(extra.max(axis=1), 0.0)
    over = extra <= RECOVERED * peak[:, None] + 1e-9
    over &= np.arange(extra.shape[1]) >= np.maximum(extra.argmax(axis=1), since - 1)[:, None]
    recovered = over.any(axis=1)
    periods = np.where(recovered, over.argmax(axis=1), extra.shape[1]) - (since - 1.0)
    mean, half_width = means_and_half_widths(extra)
    return Recovery(mean, half_width, Estimate.of(peak), Estimate.of(periods), float(recovered.mean()))
