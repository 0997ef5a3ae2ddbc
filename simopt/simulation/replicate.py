"""Replications in blocks, spread over threads; those of simulators of one's own over processes. Only user of joblib.

A block is `design.streams.BLOCK` replications, whose random numbers do not depend on which other blocks run or where.
The compiled core releases the interpreter lock, so threads share memory and nothing is copied or compiled twice. The
threads are kept: joblib, which looks for results every 10 ms, takes longer than many of these tasks. A user's simulator
is Python and may not stand threads: it gets processes of its own, whose start joblib spreads over the run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from joblib import Parallel, delayed

Result = TypeVar("Result")
Task = TypeVar("Task")


def run_blocks(task: Callable[[Task], Result], blocks: Sequence[Task], num_jobs: int) -> list[Result]:
    """Results of a task over blocks, in the order of the blocks whatever the number of jobs.

    Parameters
    ----------
    task
        A function of one block.
    blocks
        What to run it on.
    num_jobs
        Threads, at least 1.

    Raises
    ------
    Exception
        What the first block that fails raises, in the order of the blocks; those not begun are dropped.
    """
    if num_jobs == 1 or len(blocks) <= 1:
        return [task(block) for block in blocks]
    futures = [_threads(num_jobs).submit(task, block) for block in blocks]
    try:
        return [future.result() for future in futures]
    except BaseException:  # also an interrupt: nothing is left behind
        for future in futures:
            future.cancel()
        raise


@cache
def _threads(num_jobs: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(num_jobs, thread_name_prefix="simopt")


def run_in_processes(task: Callable[[Task], Result], items: Sequence[Task], num_jobs: int) -> list[Result]:
    """Results of a task over items, in their order; task, items and results are pickled.

    Parameters
    ----------
    task
        A function of one item.
    items
        What to run it on.
    num_jobs
        Processes, at least 1; 1: none beside this one.
    """
    if num_jobs == 1 or len(items) <= 1:
        return [task(item) for item in items]
    size = -(-len(items) // (2 * num_jobs))
    batches = [items[start : start + size] for start in range(0, len(items), size)]
    found = Parallel(n_jobs=num_jobs, backend="loky")(delayed(_each)(task, batch) for batch in batches)
    return [result for batch in found for result in batch]


def _each(task: Callable[[Task], Result], items: Sequence[Task]) -> list[Result]:
    return [task(item) for item in items]
