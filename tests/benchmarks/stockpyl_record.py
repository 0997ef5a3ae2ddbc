"""Record networks of our own and one sample path of each, simulated by stockpyl 1.0.2 in an environment of its own.

    python tests/benchmarks/stockpyl_record.py tests/simopt/recorded_stockpyl

writes NAME.json, the network as stockpyl's `save_instance` writes it, and NAME.path.json: demand of each node and the
costs of each period. No import of simopt.
"""

import json
import sys
from pathlib import Path

from stockpyl.instances import save_instance
from stockpyl.sim import simulation
from stockpyl.supply_chain_network import SupplyChainNetwork, network_from_edges

NUM_PERIODS = 60


def series() -> SupplyChainNetwork:
    """Three stages in series with Poisson demand; goods in transit at a rate of their own out of the first."""
    network = network_from_edges(
        edges=[(10, 20), (20, 30)],
        node_order_in_lists=[10, 20, 30],
        local_holding_cost=[0.5, 1.25, 3.0],
        stockout_cost=[0.0, 0.75, 11.0],
        demand_type=[None, None, "P"],
        mean=[None, None, 7.5],
        supply_type=["U", None, None],
        shipment_lead_time=[3, 0, 2],
        policy_type="BS",
        base_stock_level=[24, 6, 19],
    )
    network.nodes_by_index[10].in_transit_holding_cost = 0.2
    return network


def tree() -> SupplyChainNetwork:
    """A plant, a depot and four shops, short often; the depot has customers too, names for some."""
    network = network_from_edges(
        edges=[(0, 1), (1, 4), (1, 2), (0, 3), (1, 5)],
        node_order_in_lists=[0, 1, 2, 3, 4, 5],
        local_holding_cost=[0.4, 0.9, 2.0, 1.7, 2.2, 1.9],
        stockout_cost=[0.3, 2.0, 9.0, 12.0, 15.0, 8.0],
        demand_type=[None, "N", "N", "N", "P", "D"],
        mean=[None, 6.0, 12.0, 20.0, 4.0, None],
        standard_deviation=[None, 3.0, 5.0, 4.0, None, None],
        supply_type=["U", None, None, None, None, None],
        shipment_lead_time=[2, 1, 2, 3, 0, 1],
        policy_type="BS",
        base_stock_level=[90, 33, 28.5, 65, 2, 6],
    )
    network.nodes_by_index[5].demand_source.demand_list = 5
    network.nodes_by_index[0].name = "plant"
    network.nodes_by_index[1].name = "depot"
    network.nodes_by_index[1].in_transit_holding_cost = 0.0
    return network


def path_of(network: SupplyChainNetwork) -> dict[str, object]:
    """Demand by node and costs by node and period of one simulated path."""
    simulation(network, NUM_PERIODS, rand_seed=17, progress_bar=False)
    kinds = {
        "holding": "holding_cost_incurred",
        "backorder": "stockout_cost_incurred",
        "in_transit": "in_transit_holding_cost_incurred",
    }
    path: dict[str, object] = {
        "demand": {
            str(node.name or node.index): [
                state.inbound_order[None][node.product_indices[0]] for state in node.state_vars[:NUM_PERIODS]
            ]
            for node in network.nodes
            if node.demand_source.type is not None
        }
    }
    for kind, attribute in kinds.items():
        path[kind] = {
            str(node.name or node.index): [float(getattr(state, attribute)) for state in node.state_vars[:NUM_PERIODS]]
            for node in network.nodes
        }
    return path


def main() -> None:
    """Write both files of each network into the folder given."""
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for name, network in (("series", series()), ("tree", tree())):
        save_instance(name, network, filepath=str(folder / f"{name}.json"), delete_if_exists=True)
        (folder / f"{name}.path.json").write_text(json.dumps(path_of(network)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
