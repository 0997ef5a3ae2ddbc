"""Policies by the names that users write: NAME, NAME:key=value, several keys separated by colons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from design.errors import BadInputError, expected_one_of
from simopt.policies.dynamic import DynamicBaseStock
from simopt.policies.echelon import EchelonBaseStock
from simopt.policies.parameters import Sizing
from simopt.policies.reorder_lots import ReorderLots
from simopt.policies.reorder_up_to import ReorderUpTo
from simopt.policies.review_up_to import ReviewUpTo

SizedPolicy = DynamicBaseStock | ReorderUpTo | ReorderLots | ReviewUpTo | EchelonBaseStock
SIZED: Mapping[str, Callable[[], SizedPolicy]] = {
    "dynamic": DynamicBaseStock,
    "sS": ReorderUpTo,
    "RQ": ReorderLots,
    "RS": ReviewUpTo,
    "echelon": EchelonBaseStock,
}
WITH_LOTS = ("sS", "RQ")


class PolicyError(BadInputError):
    """A policy that does not exist or a parameter out of range; the message names both."""


@dataclass(frozen=True)
class PolicySpec:
    """What a user wrote.

    Parameters
    ----------
    text
        As written: the policy's name in results.
    name
        Before the first colon.
    parameters
        By key.
    """

    text: str
    name: str
    parameters: Mapping[str, float]


def parse_policy(text: str, known: tuple[str, ...]) -> PolicySpec:
    """Read NAME:key=value.

    Parameters
    ----------
    text
        What a user wrote.
    known
        Names there are.

    Raises
    ------
    PolicyError
        If the name is unknown or a parameter is no number.
    """
    name, *rest = text.strip().split(":")
    if name not in known:
        raise PolicyError(f"policy {name!r}: {expected_one_of(name, known)}")
    parameters = {}
    for part in rest:
        key, _, value = part.partition("=")
        try:
            parameters[key.strip()] = float(value)
        except ValueError:
            raise PolicyError(f"policy {text}: {part!r}: expected key=number, e.g. service=0.95") from None
    return PolicySpec(text.strip(), name, parameters)


def sized_policy(spec: PolicySpec, name: str | None = None) -> SizedPolicy:
    """The policy that a specification means.

    Parameters
    ----------
    spec
        Its name must be in `SIZED`, or `name`.
    name
        In the place of the specification's.

    Raises
    ------
    PolicyError
        If it has no such parameter or the value is out of range.
    """
    name = name or spec.name
    allowed = ["service", *(["lots"] if name in WITH_LOTS else []), *(["review"] if name == "RS" else [])]
    for key, value in spec.parameters.items():
        _check(spec, key, value, allowed)
    policy = SIZED[name]()
    sizing = Sizing(service_level=spec.parameters.get("service"), lot_factor=spec.parameters.get("lots", 1.0))
    found = replace(policy, sizing=sizing, name=spec.text)
    if isinstance(found, ReviewUpTo) and "review" in spec.parameters:
        found = replace(found, review=int(spec.parameters["review"]))
    return found


_RANGES: Mapping[str, tuple[Callable[[float], bool], str]] = {
    "service": (lambda value: 0.0 < value < 1.0, "above 0 and below 1"),
    "lots": (lambda value: 0.0 < value < float("inf"), "a factor above 0"),
    "review": (lambda value: value >= 1.0 and value == int(value), "a whole number of periods, at least 1"),
}


def _check(spec: PolicySpec, key: str, value: float, allowed: list[str]) -> None:
    if key not in allowed:
        raise PolicyError(f"policy {spec.text}: unknown parameter {key!r}: {expected_one_of(key, allowed)}")
    is_allowed, expected = _RANGES[key]
    if not is_allowed(value):
        raise PolicyError(f"policy {spec.text}: {key} {value:g}: expected {expected}")
