"""An application that can do without such a module."""

try:
    import readline
except ImportError as error:
    FOUND = f"none: {error.name}"
else:
    FOUND = readline.__name__


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [FOUND.encode()]
