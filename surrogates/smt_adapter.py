"""The Surrogate Modeling Toolbox's kriging behind this package's contract.

SMT's ``noise0`` is not a variance: it is added to the diagonal of the *correlation* matrix, so it is the ratio of noise
variance to process variance, and the process variance is known only after the fit. `fit_smt_kriging` repeats the fit
until ratio and process variance belong together.

References
----------
Saves et al. (2024), SMT 2.0: a surrogate modeling toolbox with a focus on hierarchical and mixed variables Gaussian
processes, Advances in Engineering Software 188, 103571.
"""

import contextlib
import io
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from surrogates.dataset import Dataset, FloatArray
from surrogates.surrogate import Surrogate
from surrogates.threads import one_blas_thread

_NUGGET = 1e-10
_MAX_ROUNDS = 5
_SMALLEST_VARIANCE_SHARE = 1e-3


@dataclass(frozen=True, eq=False)
class SmtKriging:
    """A fitted SMT model; a `surrogates.surrogate.Surrogate`.

    Attributes
    ----------
    model
        The trained ``smt.surrogate_models.KRG`` or ``GEKPLS``.
    process_variance
        In units of the values squared.
    """

    model: Any
    process_variance: float

    def predict(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predict the function at points (k, d): means (k,) and variances (k,)."""
        mean, variance = self.model.predict_values(points), self.model.predict_variances(points)
        return mean[:, 0], np.maximum(variance[:, 0], 0.0)

    def gradient(self, points: FloatArray) -> FloatArray:
        """Differentiate the mean at points (k, d), shape (k, d)."""
        return np.column_stack([self.model.predict_derivatives(points, j)[:, 0] for j in range(points.shape[1])])


def fit_smt_kriging(dataset: Dataset, earlier: Surrogate | None = None) -> SmtKriging:  # noqa: ARG001
    """Fit SMT's ``KRG`` (maximum likelihood, Matern 5/2, constant trend) with known noise variances.

    Parameters
    ----------
    dataset
        At least two points.
    earlier
        Not used: SMT starts where it likes.

    Returns
    -------
    The model; where noise is given, noise-to-signal ratio and process variance agree within 5%, or are those of
    the last of five rounds.

    Raises
    ------
    ValueError
        If there is only one point.
    """
    if dataset.size < 2:
        raise ValueError(f"dataset: expected at least 2 points for SMT, got {dataset.size}")
    spread = float(dataset.values.var()) or 1.0
    if not dataset.noise_variance.any():
        return _train(dataset, None)
    fitted = _train(dataset, dataset.noise_variance / spread)
    for _ in range(_MAX_ROUNDS - 1):
        variance = max(fitted.process_variance, _SMALLEST_VARIANCE_SHARE * spread)
        previous, fitted = fitted, _train(dataset, dataset.noise_variance / variance)
        if abs(fitted.process_variance - previous.process_variance) <= 0.05 * previous.process_variance:
            break
    return fitted


def fit_smt_gekpls(dataset: Dataset, earlier: Surrogate | None = None) -> SmtKriging:  # noqa: ARG001
    """Fit SMT's ``GEKPLS`` to values and gradients: each point gets neighbors by first-order Taylor steps.

    As many components and neighbors as coordinates, squared exponential kernel. It knows no noise: neither that of the
    values nor that of the gradients counts.

    Parameters
    ----------
    dataset
        With gradients, at least two coordinates and two points.
    earlier
        Not used: SMT starts where it likes.

    Raises
    ------
    ValueError
        If there are no gradients, a single coordinate (SMT's least number of components is 2), or one point.
    """
    if dataset.gradients is None or dataset.dimension < 2 or dataset.size < 2:
        raise ValueError(
            f"dataset: expected gradients, 2 coordinates and 2 points at least for GEKPLS, got "
            f"{'no gradients' if dataset.gradients is None else 'gradients'}, {dataset.dimension}, {dataset.size}; "
            "fit_gradient_kriging knows no such limits"
        )
    from smt.surrogate_models import GEKPLS

    ends = np.column_stack([dataset.points.min(axis=0), dataset.points.max(axis=0)])
    count = dataset.dimension
    model = GEKPLS(
        xlimits=ends, n_comp=count, extra_points=count, theta0=[0.01] * count, n_start=1, print_global=False, seed=0
    )
    for j in range(count):
        model.set_training_derivatives(dataset.points, dataset.gradients[:, [j]], j)
    return _trained(model, dataset)


def _train(dataset: Dataset, noise_ratio: FloatArray | None) -> SmtKriging:
    from smt.surrogate_models import KRG  # importing smt takes a second: only who asks for it pays

    noise: dict[str, Any] = {"hyper_opt": "TNC"}
    if noise_ratio is not None:  # SMT has no likelihood gradient with noise
        noise = {"hyper_opt": "Cobyla", "noise0": list(noise_ratio), "use_het_noise": True}
    model = KRG(corr="matern52", theta0=[0.1], n_start=1, nugget=_NUGGET, print_global=False, seed=0, **noise)
    return _trained(model, dataset)


def _trained(model: Any, dataset: Dataset) -> SmtKriging:
    model.set_training_values(dataset.points, dataset.values[:, None])
    # SMT prints where a trial matrix is singular, takes the logarithm of zero where all values are equal, and warns of
    # repeated points, which the nugget takes care of; scikit-learn's partial least squares, of a component too many.
    with contextlib.ExitStack() as stack:
        stack.enter_context(one_blas_thread())
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(np.errstate(divide="ignore"))
        stack.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", message="Warning: multiple x input features have the same value")
        warnings.filterwarnings("ignore", message="y residual is constant")
        model.train()
    return SmtKriging(model, float(model.optimal_par["sigma2"][0]))
