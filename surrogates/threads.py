"""One BLAS thread for tiny matrices.

scipy's L-BFGS-B and LAPACK's triangular routines wake all BLAS threads even for matrices of 20 rows; on a machine whose
cores are busy every call then waits for the scheduler, and a fit of 2 ms takes 40 ms. One thread also makes results
independent of the number of cores.
"""

from contextlib import AbstractContextManager
from functools import cache

import scipy.linalg  # noqa: F401  loads scipy's own BLAS, so that the controller finds it
from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def one_blas_thread() -> AbstractContextManager[None]:
    """Limit BLAS to one thread inside a ``with`` block; costs 10 microseconds."""
    return _controller().limit(limits=1, user_api="blas")
