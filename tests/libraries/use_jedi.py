# /// script
# dependencies = ["jedi"]
# [tool.libraries]
# environment = "web"
# ///
import jedi

script = jedi.Script("import json\njson.du")
assert [item.name for item in script.complete(2, 7)] == ["dump", "dumps"]
assert jedi.Script("''.upp").complete()[0].name == "upper"
assert jedi.Script("def f(): return 1\nf()").infer(2, 2)[0].name == "int"
