# /// script
# dependencies = ["pyyaml"]
# [tool.libraries]
# environment = "core"
# ///
import yaml

text = "a: [1, 2.5, yes]\nb: &x {c: 2026-01-02}\nd: *x\n"
assert yaml.safe_load(text)["d"]["c"].year == 2026
assert yaml.load(text, Loader=yaml.CSafeLoader) == yaml.safe_load(text)
assert yaml.safe_load(yaml.safe_dump({"ü": [None, True]}, allow_unicode=True)) == {"ü": [None, True]}
