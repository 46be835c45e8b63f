# /// script
# dependencies = ["qrcode[pil]"]
# [tool.libraries]
# environment = "web"
# ///
import io

import qrcode
import qrcode.image.svg
from qrcode.image.styledpil import StyledPilImage

stream = io.BytesIO()
qrcode.make("pack").save(stream)
assert stream.getvalue().startswith(b"\x89PNG")
code = qrcode.QRCode()
code.add_data("x")
assert code.make_image(image_factory=StyledPilImage).size[0] > 50
assert b"svg" in qrcode.make("x", image_factory=qrcode.image.svg.SvgPathImage).to_string()
