"""Simulate one path with stockpyl, in an environment of its own: JSON in, JSON out, no import of simopt."""

import json
import sys
import time

from stockpyl.sim import simulation
from stockpyl.supply_chain_network import network_from_edges


def main() -> None:
    """Read a system with local base-stock levels from stdin; write its total cost and the seconds taken."""
    system = json.load(sys.stdin)
    num_periods = system.pop("num_periods")
    network = network_from_edges(edges=[tuple(edge) for edge in system.pop("edges")], **system)
    start = time.perf_counter()
    total = simulation(network, num_periods, rand_seed=1, progress_bar=False)
    json.dump({"seconds": time.perf_counter() - start, "cost": total}, sys.stdout)


if __name__ == "__main__":
    main()
