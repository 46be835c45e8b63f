# /// script
# dependencies = ["openpyxl"]
# [tool.libraries]
# environment = "core"
# ///
import io

import openpyxl
from openpyxl.chart import BarChart, Reference

book = openpyxl.Workbook()
sheet = book.active
for row in [("n", "square"), (1, 1), (2, 4)]:
    sheet.append(row)
chart = BarChart()
chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=3), titles_from_data=True)
sheet.add_chart(chart, "D1")
stream = io.BytesIO()
book.save(stream)
assert openpyxl.load_workbook(io.BytesIO(stream.getvalue())).active["B3"].value == 4
