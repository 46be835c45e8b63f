"""Processes that hand each other arrays; run with next to no environment, as cron does."""

import multiprocessing
import os

import numpy as np


def square(array):
    return array @ array, os.getpid()


if __name__ == "__main__":
    matrices = [np.full((3, 3), float(n)) for n in range(4)]
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        results = pool.map(square, matrices)
    assert os.getpid() not in {process for _, process in results}
    print([int(result.sum()) for result, _ in results])
