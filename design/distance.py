"""Distances between nodes: Euclidean from x and y, along the great circle from latitude and longitude."""

from __future__ import annotations

from math import asin, cos, hypot, radians, sin, sqrt

from design.node import Node

EARTH_RADIUS = 6371.0088  # km, mean radius (IUGG)


def distance_between(one: Node, other: Node) -> float | None:
    """Distance of two nodes, None where coordinates are missing.

    From x and y in their unit; from latitude and longitude in km by the haversine formula.
    """
    if one.x is not None and one.y is not None and other.x is not None and other.y is not None:
        return hypot(one.x - other.x, one.y - other.y)
    if one.latitude is None or one.longitude is None or other.latitude is None or other.longitude is None:
        return None
    north, east = radians(other.latitude - one.latitude), radians(other.longitude - one.longitude)
    shrunk = cos(radians(one.latitude)) * cos(radians(other.latitude))
    half_chord = sin(0.5 * north) ** 2 + shrunk * sin(0.5 * east) ** 2
    return 2.0 * EARTH_RADIUS * asin(min(sqrt(half_chord), 1.0))
