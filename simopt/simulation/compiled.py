"""How the core is compiled: what Python calls, and what only compiled code calls.

Without the wrappers by which Python calls a function, it compiles in two thirds of the time. Such a function has no
entry for Python at all: called from there it crashes the process, so whatever Python needs is `compiled`.
"""

from __future__ import annotations

from numba import njit

compiled = njit(cache=True, nogil=True, error_model="numpy", no_cfunc_wrapper=True)
compiled_within = njit(nogil=True, error_model="numpy", no_cfunc_wrapper=True, no_cpython_wrapper=True)
