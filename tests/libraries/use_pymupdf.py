# /// script
# dependencies = ["pymupdf"]
# [tool.libraries]
# environment = "web"
# ///
import pymupdf

document = pymupdf.open()
document.new_page().insert_text((72, 72), "pack it")
data = document.tobytes()
again = pymupdf.open(stream=data, filetype="pdf")
assert again[0].get_text().strip() == "pack it"
assert again[0].get_pixmap(dpi=50).tobytes("png").startswith(b"\x89PNG")
