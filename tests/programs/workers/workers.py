"""Every way `multiprocessing` starts a process, from functions of the main script, without `freeze_support()`."""

import concurrent.futures
import json
import multiprocessing
import os
import sys

import tasks


class Ticket:
    """Travels between processes; pickled by name, as `__main__.Ticket`."""

    def __init__(self, number):
        self.number = number


def double(ticket):
    """Works on a class of the main script."""
    return Ticket(ticket.number * 2)


def report(queue, name):
    """Sends back what a child sees of itself."""
    queue.put([name, os.getpid() != PARENT, sys.frozen, sys._MEIPASS, sys.executable, sys.argv, __name__])


def environment_of(_number):
    """The environment of a child."""
    return sorted(os.environ)


PARENT = int(os.environ.setdefault("WORKERS_PARENT", str(os.getpid())))


def process(context):
    """One process and a queue."""
    queue = context.Queue()
    child = context.Process(target=report, args=(queue, "child"))
    child.start()
    answer = queue.get(timeout=60)
    child.join(60)
    return {"answer": answer, "exitcode": child.exitcode}


def pool(context):
    """A pool with a class of the main script and a function of a module."""
    with context.Pool(2) as workers:
        tickets = workers.map(double, [Ticket(number) for number in range(5)])
        squares = workers.map(tasks.square, range(5))
        names = workers.map(environment_of, [0])[0]
    return {"tickets": [ticket.number for ticket in tickets], "squares": squares, "environment": names}


def executor(context):
    """A `ProcessPoolExecutor`, an exception through it, and a lock, a value and a manager."""
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as workers:
        squares = list(workers.map(tasks.square, range(5)))
        try:
            workers.submit(tasks.fail).result(60)
            error = ""
        except ValueError as problem:
            error = str(problem)
    with context.Manager() as manager:
        shared = manager.list([1])
        child = context.Process(target=shared.append, args=(2,))
        child.start()
        child.join(60)
        listed = list(shared)
    return {"squares": squares, "error": error, "listed": listed}


def main():
    """`workers METHOD`: everything above, by one start method."""
    context = multiprocessing.get_context(sys.argv[1])
    print(json.dumps({"process": process(context), "pool": pool(context), "executor": executor(context),
                      "left": len(multiprocessing.active_children())}))


if __name__ == "__main__":
    main()
