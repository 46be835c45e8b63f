# /// script
# dependencies = ["pypdf[crypto]"]
# [tool.libraries]
# environment = "core"
# ///
import io

import pypdf

writer = pypdf.PdfWriter()
writer.add_blank_page(200, 100)
writer.add_metadata({"/Title": "pack"})
writer.encrypt("secret", algorithm="AES-256")
stream = io.BytesIO()
writer.write(stream)
reader = pypdf.PdfReader(io.BytesIO(stream.getvalue()), password="secret")
assert reader.metadata.title == "pack" and len(reader.pages) == 1
