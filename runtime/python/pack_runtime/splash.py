"""``pyi_splash`` of a program that shows no splash screen: what it is asked for changes nothing."""

_initialized = False


def is_alive():
    return False


def update_text(msg):
    pass


def close():
    pass
