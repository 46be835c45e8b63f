# /// script
# dependencies = ["babel"]
# [tool.libraries]
# environment = "core"
# ///
import datetime

from babel import Locale, dates, numbers

assert dates.format_date(datetime.date(2026, 1, 2), "full", locale="de") == "Freitag, 2. Januar 2026"
assert numbers.format_currency(1234.5, "EUR", locale="fr").startswith("1\u202f234,50")
assert Locale("ja").get_display_name("en") == "Japanese"
assert dates.get_timezone("Europe/Berlin") is not None
from babel.messages.frontend import CommandLineInterface
try:
    CommandLineInterface().run(["pybabel", "--list-locales"])
except SystemExit as error:
    assert not error.code
