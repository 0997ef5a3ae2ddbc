"""`simopt import-stockpyl`: a network of stockpyl becomes a case folder and a solution to simulate."""

from __future__ import annotations

from pathlib import Path

from design.case_files import save_case
from design.stockpyl_file import StockpylNetwork, read_stockpyl
from simopt.differences import design_as_dict
from simopt.reporting.run_folder import make_folder, write_json

SOLUTION = "solution.json"


def import_stockpyl(path: Path, out: Path, instance: str | None, horizon: int, warm_up: int | None) -> StockpylNetwork:
    """Read a file of stockpyl and write the case and, as `solution.json`, its lanes and base-stock levels.

    Parameters
    ----------
    path, instance, horizon, warm_up
        See `design.stockpyl_file.read_stockpyl`.
    out
        Folder of the case, made if need be.
    """
    found = read_stockpyl(path, instance, horizon, warm_up)
    make_folder(out)
    save_case(found.case, out)
    lanes = tuple(lane.pair for lane in found.case.network.lanes)
    write_json(out / SOLUTION, {"case": found.case.name, **design_as_dict(lanes, found.levels)})
    return found
