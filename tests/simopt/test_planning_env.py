"""The planning engine as a Gymnasium environment."""

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from design.case_files import load_case
from design.only_design import only_design
from simopt.environments.planning_env import PlanningEnv
from simopt.planning.engine import run
from simopt.planning.measures import COSTS
from simopt.planning.paths import Chance
from simopt.policies.base_stock import BaseStock


def beer_game():
    case = load_case("beer-game")
    return PlanningEnv(case, only_design(case.network))


@pytest.mark.filterwarnings("ignore:.*WARN.*")
def test_it_keeps_the_rules_of_gymnasium():
    check_env(beer_game().unwrapped, skip_render_check=True)


def test_base_stock_played_through_it_is_base_stock_run_by_the_engine():
    """A site below orders before the one above, which takes the order into account: positions from the customers up."""
    env = beer_game()
    world, size = env.world, len(env.world.sites)
    observed, _ = env.reset(seed=3)
    levels, cost, ended = observed[:size], 0.0, False  # what is on hand at the start
    below = {link.origin: link.destination for link in world.links if link.origin >= 0}
    while not ended:
        on_hand, on_order, owed, demand = observed[:-1].reshape(4, size)
        orders = np.zeros(size)
        for s in reversed(range(size)):
            asked = demand[s] + (orders[below[s]] if s in below else 0.0)
            orders[s] = max(levels[s] - (on_hand[s] + on_order[s] - owed[s] - asked), 0.0)
        period = int(observed[-1])
        observed, reward, _, ended, info = env.step(orders)
        assert info["period"] == period
        cost -= reward if period >= world.case.warm_up else 0.0
    named = dict(zip([site.name for site in world.sites], levels, strict=True))
    found = run(world, BaseStock("levels", named), Chance(world, 3).paths(range(1)))
    assert cost == pytest.approx(found.totals[0][:, list(COSTS)].sum(), rel=1e-9)
    assert cost > 0.0


def test_equal_seeds_are_equal_episodes_and_steps_need_a_reset():
    env = beer_game()
    with pytest.raises(ValueError, match="step before reset"):
        env.step(env.action_space.sample())
    action = np.full(env.action_space.shape, 40.0)
    runs = []
    for seed in (1, 1, 2):
        env.reset(seed=seed)
        runs.append([env.step(action)[1] for _ in range(40)])
    assert runs[0] == runs[1] != runs[2]
