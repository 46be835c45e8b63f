# /// script
# dependencies = ["pytest"]
# [tool.libraries]
# environment = "core"
# ///
import pathlib
import sys
import tempfile

import pytest

with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder, "test_it.py")
    path.write_text("import pytest\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_n(n, tmp_path):\n    assert n < 3\n\n"
                    "def test_bad():\n    a = [1]\n    assert a == [2]\n")
    class Seen:
        text = ""
        def pytest_runtest_logreport(self, report):
            self.text += report.outcome + " " + str(report.longrepr or "")
    seen = Seen()
    code = pytest.main(["-q", "-p", "no:cacheprovider", str(path)], plugins=[seen])
    assert code == pytest.ExitCode.TESTS_FAILED
    assert "assert [1] == [2]" in seen.text and seen.text.count("passed") >= 2
