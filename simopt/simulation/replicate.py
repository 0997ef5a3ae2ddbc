"""Replications in blocks, spread over cores: the only user of joblib.

A block is `design.streams.BLOCK` replications, whose random numbers do not depend on which other blocks run or where.
The compiled core releases the interpreter lock, so threads share memory and nothing is copied or compiled twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    """
    if num_jobs == 1 or len(blocks) <= 1:
        return [task(block) for block in blocks]
    return Parallel(n_jobs=num_jobs, prefer="threads")(delayed(task)(block) for block in blocks)
