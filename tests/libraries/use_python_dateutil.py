# /// script
# dependencies = ["python-dateutil"]
# [tool.libraries]
# environment = "core"
# ///
import datetime

from dateutil import parser, relativedelta, rrule, tz, zoneinfo

assert parser.parse("3 Feb 2026 10:00 UTC").hour == 10
assert datetime.date(2026, 1, 31) + relativedelta.relativedelta(months=1) == datetime.date(2026, 2, 28)
assert len(list(rrule.rrule(rrule.DAILY, count=3, dtstart=datetime.datetime(2026, 1, 1)))) == 3
assert zoneinfo.get_zonefile_instance().get("Europe/Berlin") is not None
