NAME = "two"


def plug():
    return NAME
