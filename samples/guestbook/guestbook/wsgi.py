"""What a WSGI server is pointed at: `guestbook.wsgi:application`."""

from . import create_app

application = create_app()
