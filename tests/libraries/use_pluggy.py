# /// script
# dependencies = ["pluggy"]
# [tool.libraries]
# environment = "core"
# ///
import pluggy

specification, implementation = pluggy.HookspecMarker("demo"), pluggy.HookimplMarker("demo")


class Specification:
    @specification
    def total(self, numbers):
        """Sums."""


class Plugin:
    @implementation
    def total(self, numbers):
        return sum(numbers)


manager = pluggy.PluginManager("demo")
manager.add_hookspecs(Specification)
manager.register(Plugin())
assert manager.hook.total(numbers=[1, 2]) == [3]
manager.load_setuptools_entrypoints("demo")
