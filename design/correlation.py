"""Correlation between customers in the same period: a Gaussian copula of their normal scores.

Independent scores e of a group of customers become z = R^(1/2)·e with R their correlation matrix, and demand is
quantile(Φ(z)). The symmetric root treats all customers alike, so that the order of rows does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special
from scipy.cluster.hierarchy import DisjointSet

from design.demand import Floats
from design.demand_process import LEAST_UNIFORM, MOST_UNIFORM

ROUNDING = 1e-9


@dataclass(frozen=True)
class Correlation:
    """Correlations of normal scores; customers not named are independent of all others.

    Parameters
    ----------
    pairs
        Two customers and their correlation in [-1, 1], each pair once; pairs left out are uncorrelated.
    """

    pairs: tuple[tuple[str, str, float], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.groups)

    @cached_property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Customers that are correlated with each other, directly or through others, by name."""
        joined = [(one, other) for one, other, value in self.pairs if value != 0.0]
        sets = DisjointSet(name for pair in joined for name in pair)
        for one, other in joined:
            sets.merge(one, other)
        return tuple(sorted(tuple(sorted(group)) for group in sets.subsets()))

    @cached_property
    def group_of(self) -> Mapping[str, tuple[str, ...]]:
        """The group of each customer that is in one."""
        return {name: group for group in self.groups for name in group}

    def joins(self, customers: Iterable[str]) -> bool:
        """Whether two of these customers are in the same group."""
        groups = [self.group_of[name] for name in customers if name in self.group_of]
        return len(groups) > len(set(groups))

    def matrix(self, customers: tuple[str, ...]) -> Floats:
        """Correlation matrix of these customers, shape (customer, customer)."""
        place = {name: k for k, name in enumerate(customers)}
        found = np.eye(len(customers))
        for one, other, value in self.pairs:
            if one in place and other in place:
                found[place[one], place[other]] = found[place[other], place[one]] = value
        return found

    def contradiction(self) -> str | None:
        """What is wrong with a group whose matrix is not positive semidefinite; None where all are."""
        for group in self.groups:
            least = float(np.linalg.eigvalsh(self.matrix(group))[0])
            if least < -ROUNDING:
                shown = ", ".join(group[:6]) + (", ..." if len(group) > 6 else "")
                return f"correlations of {shown} contradict each other: least eigenvalue {least:.3g} of their matrix"
        return None

    def directions(self, customers: tuple[str, ...]) -> Floats:
        """D such that standard normals times D are the scores of these customers; most of their sum first."""
        values, vectors = np.linalg.eigh(self.matrix(customers))
        found = np.sqrt(np.maximum(values, 0.0)) * vectors
        return np.asarray(found[:, np.argsort(-np.abs(found.sum(axis=0)), kind="stable")].T)

    def joint_uniforms(self, group: tuple[str, ...], uniforms: Floats) -> Floats:
        """Correlated uniforms from independent ones, both of shape (customer, ...), in the order of the group."""
        scores = special.ndtri(np.maximum(uniforms, LEAST_UNIFORM)).reshape(len(group), -1)
        joint = special.ndtr(self._root(group) @ scores).reshape(uniforms.shape)
        return np.asarray(np.clip(joint, LEAST_UNIFORM, MOST_UNIFORM))

    def _root(self, group: tuple[str, ...]) -> Floats:
        values, vectors = np.linalg.eigh(self.matrix(group))
        return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)

    def variance_factor(self, customer: str) -> float:
        """How often its variance counts at most in that of a sum of customers (rows of positive correlations)."""
        if customer not in self.group_of:
            return 1.0
        group = self.group_of[customer]
        return float(np.maximum(self.matrix(group)[group.index(customer)], 0.0).sum())
