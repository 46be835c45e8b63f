# /// script
# dependencies = ["xlsxwriter"]
# [tool.libraries]
# environment = "web"
# ///
import io
import zipfile

import xlsxwriter

stream = io.BytesIO()
with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
    sheet = book.add_worksheet("pack")
    sheet.write_row("A1", [1, 2, "=A1+B1"])
    chart = book.add_chart({"type": "line"})
    chart.add_series({"values": "=pack!$A$1:$B$1"})
    sheet.insert_chart("D1", chart)
assert "xl/charts/chart1.xml" in zipfile.ZipFile(stream).namelist()
