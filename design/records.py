"""How tables and results name stocking points: by node, and by product and season where there are several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from design.network import Network
from design.node import LanePair, Node
from design.products import SEPARATOR
from design.seasons import in_season

_NAME_LISTS = ("open", "opened", "closed")


def point_record(network: Network, name: str) -> dict[str, str]:
    """Node, and product and season where there are several, as results name a stocking point."""
    node = network.node(name)
    return {"node": node.place, **_layer(network, node)}


def lane_record(network: Network, pair: LanePair) -> dict[str, str]:
    """From, to, and product and season where there are several, as results name a lane."""
    origin, destination = network.places(pair)
    return {"from": origin, "to": destination, **_layer(network, network.node(pair[1]))}


def _layer(network: Network, node: Node) -> dict[str, str]:
    product = {"product": node.product} if network.products else {}
    return product | ({"season": node.season} if network.seasons else {})


def as_records(content: Any, network: Network) -> Any:
    """Content of a result with `node` or `from` and `to`, `product` and `season` in every record.

    Parameters
    ----------
    content
        Mappings, sequences and values, in which stocking points have the network's names.
    network
        The candidates; without products and seasons the content stays as it is.
    """
    if not network.products and not network.seasons:
        return content
    if isinstance(content, Mapping):
        record = {key: _value(key, value, network) for key, value in content.items()}
        if "node" in content:
            return {**point_record(network, content["node"]), **{k: v for k, v in record.items() if k != "node"}}
        if {"from", "to"} <= content.keys():
            ends = lane_record(network, (content["from"], content["to"]))
            return {**ends, **{k: v for k, v in record.items() if k not in ends}}
        return record
    if isinstance(content, list | tuple):
        return [as_records(value, network) for value in content]
    return content


def _value(key: str, value: Any, network: Network) -> Any:
    """Lists of names become lists of sites, each once."""
    if key in _NAME_LISTS and isinstance(value, list):
        return list(dict.fromkeys(network.node(name).place for name in value))
    return as_records(value, network)


def name_of(record: Mapping[str, Any]) -> str:
    """The network's name of a record's stocking point."""
    return _joined(str(record["node"]), record)


def pair_of(record: Mapping[str, Any]) -> LanePair:
    """The network's names of the ends of a record's lane."""
    return (_joined(str(record["from"]), record), _joined(str(record["to"]), record))


def from_records(content: Any) -> Any:
    """The inverse of `as_records`: every stocking point and lane by the network's names."""
    if isinstance(content, Mapping):
        found = {key: from_records(value) for key, value in content.items()}
        if "node" in content:
            found["node"] = name_of(content)
        if {"from", "to"} <= content.keys():
            found["from"], found["to"] = pair_of(content)
        return found
    if isinstance(content, list | tuple):
        return [from_records(value) for value in content]
    return content


def _joined(site: str, record: Mapping[str, Any]) -> str:
    product, season = record.get("product"), record.get("season")
    name = f"{site}{SEPARATOR}{product}" if product else site
    return in_season(name, str(season)) if season else name
