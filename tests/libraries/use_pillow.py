# /// script
# dependencies = ["pillow"]
# [tool.libraries]
# environment = "core"
# ///
import io

from PIL import Image, ImageDraw, ImageFont

image = Image.new("RGB", (80, 40), "white")
ImageDraw.Draw(image).text((5, 5), "pack", font=ImageFont.load_default(16), fill="black")
for kind in ("PNG", "JPEG", "WEBP", "GIF", "TIFF"):
    stream = io.BytesIO()
    image.save(stream, kind)
    assert Image.open(io.BytesIO(stream.getvalue())).resize((8, 4)).size == (8, 4), kind
