"""A tour in cells, for a notebook or as a script: `python cases/tour.py FOLDER` writes pictures and a report there."""

# %% A case and its best plan, with error bar and lower bound
import sys
from dataclasses import replace
from pathlib import Path

import simopt

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "tour")
case = simopt.load_case("two-two-three")
plan = simopt.solve(case, seed=1)
print(plan)

# %% Levels, safety stocks and service as a table
print(plan.nodes.round(2).to_string())

# %% What flows where
print(plan.flows.to_string())
plan.save(folder / "plan")  # result.json, tables and report.html with its figures
plan.plot_network().save(folder / "network.svg")
plan.plot_inventory("A").save(folder / "inventory.png")

# %% What if demand grew by a fifth?
grown = {name: replace(demand, location=1.2 * demand.location) for name, demand in case.demand.items()}
more = simopt.solve(replace(case, demand=grown), seed=1, certify=False)
print(f"20% more demand costs {more.cost.mean / plan.cost.mean - 1.0:.1%} more")
print(f"lanes that change: {sorted(set(plan.lanes) ^ set(more.lanes)) or 'none'}")

# %% The same plan, read back
again = simopt.load_solution(folder / "plan")
assert again.content == plan.content
