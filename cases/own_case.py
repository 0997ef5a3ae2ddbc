"""A case of one's own from two tables, in cells: `python cases/own_case.py FOLDER` writes it there and solves it."""

# %% Tables as they come out of a planning system
import io
import sys
from pathlib import Path

import pandas as pd

import simopt

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "bakery")
sites = pd.read_csv(
    io.StringIO("""node,kind,lead_time,holding_cost,backorder_cost,fixed_cost
Mill,plant,3,0.02,,
North,depot,,0.04,,150
South,depot,,0.04,,150
Shop 1,shop,,0.09,1.5,
Shop 2,shop,,0.09,1.5,
Shop 3,shop,,0.09,1.5,
""")
)
sales = pd.DataFrame({"node": ["Shop 1", "Shop 2", "Shop 3"], "mean": [40.0, 25.0, 60.0], "sd": [12.0, 9.0, 15.0]})

# %% Every way that goods could go, with lead time and cost
ways = [("Mill", depot, 2, 0.05) for depot in ("North", "South")]
ways += [(depot, shop, 1, cost) for shop, costs in {
    "Shop 1": (0.10, 0.30), "Shop 2": (0.15, 0.20), "Shop 3": (0.35, 0.10),
}.items() for depot, cost in zip(("North", "South"), costs, strict=True)]  # fmt: skip
lanes = pd.DataFrame(ways, columns=["from", "to", "lead_time", "unit_cost"])

# %% A case is a folder of small files
folder.mkdir(parents=True, exist_ok=True)
settings = """name = "bakery"
title = "Flour for three shops"

[simulation]
horizon = 100
warm_up = 10
"""
(folder / "case.toml").write_text(settings, encoding="utf-8")
sites.to_csv(folder / "nodes.csv", index=False)
lanes.to_csv(folder / "lanes.csv", index=False)
sales.assign(distribution="normal").to_csv(folder / "demand.csv", index=False)

# %% Solve it
plan = simopt.solve(folder, seed=1)
print(plan)
print(plan.nodes[["supplier", "level", "safety_stock", "fill_rate"]].round(3).to_string())
