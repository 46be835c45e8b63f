# /// script
# dependencies = ["greenlet"]
# [tool.libraries]
# environment = "core"
# ///
import greenlet

seen = []


def other():
    seen.append("b")
    main.switch()
    seen.append("d")


main = greenlet.getcurrent()
child = greenlet.greenlet(other)
child.switch()
seen.append("c")
child.switch()
assert seen == ["b", "c", "d"] and child.dead
