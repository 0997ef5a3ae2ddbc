"""What `control` prints: a line a date."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def print_decision(entry: Mapping[str, Any]) -> None:
    """Levels that moved, orders, alarms, and what another network would save."""
    parts = []
    for name, own in entry["decision"].items():
        order = "" if own["order"] is None else f", order {own['order']:,.1f}"
        if own["moved"] or order:
            parts.append(f"{name}: level {own['level']:,.1f}{' (moved)' if own['moved'] else ''}{order}")
    parts += [reason for reason in entry["reason"] if "may have changed" in reason or "nothing observed" in reason]
    proposal = entry.get("proposal")
    if proposal is not None and proposal["saving"] is not None:
        saving = proposal["saving"]
        verdict = "pays" if proposal["pays"] else "does not pay"
        parts.append(f"another network would save {saving['mean']:,.0f} ± {saving['half_width']:,.0f}: {verdict}")
    print(f"{entry['date']}  " + ("; ".join(parts) or "every level within its band"), flush=True)
