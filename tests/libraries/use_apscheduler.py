# /// script
# dependencies = ["apscheduler"]
# [tool.libraries]
# environment = "core"
# ///
import threading

from apscheduler.schedulers.background import BackgroundScheduler

done = threading.Event()
scheduler = BackgroundScheduler()
# By name: found among the entry points of the distribution.
scheduler.add_jobstore("memory", alias="other")
scheduler.add_job(done.set, "interval", seconds=0.05)
scheduler.add_job(print, "cron", hour=3, jobstore="other")
scheduler.start()
assert done.wait(20)
scheduler.shutdown()
