"""Work for other processes, in a module of its own."""


def square(number):
    return number * number


def fail():
    raise ValueError("from a worker")
