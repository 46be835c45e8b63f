# /// script
# dependencies = ["tzdata"]
# [tool.libraries]
# environment = "core"
# ///
import zoneinfo
import datetime

zoneinfo.reset_tzpath(())
berlin = zoneinfo.ZoneInfo("Europe/Berlin")
assert datetime.datetime(2026, 7, 1, tzinfo=berlin).utcoffset() == datetime.timedelta(hours=2)
assert "Asia/Tokyo" in zoneinfo.available_timezones()
