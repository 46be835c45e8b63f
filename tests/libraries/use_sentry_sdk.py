# /// script
# dependencies = ["sentry-sdk"]
# [tool.libraries]
# environment = "web"
# ///
import sentry_sdk

events = []
sentry_sdk.init(dsn="http://key@127.0.0.1:9/1", transport=events.append, traces_sample_rate=1.0)
try:
    1 / 0
except ZeroDivisionError:
    sentry_sdk.capture_exception()
sentry_sdk.flush()
event = next(event for event in events if "exception" in event)
frame = event["exception"]["values"][0]["stacktrace"]["frames"][-1]
assert frame["context_line"].strip() == "1 / 0", frame
