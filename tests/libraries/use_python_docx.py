# /// script
# dependencies = ["python-docx"]
# [tool.libraries]
# environment = "web"
# ///
import io

import docx

document = docx.Document()
document.add_heading("pack", 1)
document.add_table(2, 2, style="Table Grid").cell(0, 0).text = "a"
stream = io.BytesIO()
document.save(stream)
assert docx.Document(io.BytesIO(stream.getvalue())).paragraphs[0].text == "pack"
