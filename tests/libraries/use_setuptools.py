# /// script
# dependencies = ["setuptools<81", "rich"]
# [tool.libraries]
# environment = "core"
# ///
import pkg_resources
import rich

assert pkg_resources.get_distribution("rich").project_name == "rich"
assert "rich" in {distribution.key for distribution in pkg_resources.working_set}
assert pkg_resources.resource_exists("rich", "py.typed")
assert b"def print" in pkg_resources.resource_string("rich", "__init__.py")
assert pkg_resources.parse_version("1.10") > pkg_resources.parse_version("1.9")
pkg_resources.require("rich")
