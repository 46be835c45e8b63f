# /// script
# dependencies = ["reportlab"]
# [tool.libraries]
# environment = "web"
# ///
import io

from reportlab.graphics import renderPDF
from reportlab.graphics.barcode import createBarcodeDrawing, qr
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Paragraph, SimpleDocTemplate

stream = io.BytesIO()
pdfmetrics.registerFont(TTFont("Vera", "Vera.ttf"))
style = getSampleStyleSheet()["Normal"]
style.fontName = "Vera"
barcode = createBarcodeDrawing("Code128", value="pack")
SimpleDocTemplate(stream).build([Paragraph("pack <b>é</b>", style), barcode, ])
assert stream.getvalue().startswith(b"%PDF") and b"Vera" in stream.getvalue()
