"""Looks after the guestbook from a terminal: `manage.py list`, `manage.py clear`."""

import argparse

from guestbook import create_app, store


def main():
    """Runs the named command."""
    parser = argparse.ArgumentParser(description="Looks after the guestbook.")
    parser.add_argument("command", choices=["list", "clear"])
    command = parser.parse_args().command
    with create_app().app_context():
        if command == "list":
            for entry in store.latest(limit=1000):
                print(f"{entry['id']}\t{entry['name']}\t{entry['message']}")
        else:
            with store.opened() as database:
                removed = database.execute("DELETE FROM entries").rowcount
            print(f"removed {removed}")


if __name__ == "__main__":
    main()
