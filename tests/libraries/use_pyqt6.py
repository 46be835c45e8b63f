# /// script
# dependencies = ["PyQt6"]
# [tool.libraries]
# environment = "desktop"
# system = ["libegl1", "libgl1", "libxkbcommon0", "libdbus-1-3", "libfontconfig1"]
# ///
import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
from PyQt6.QtCore import QLibraryInfo, QTimer, QTranslator
from PyQt6.QtGui import QImageReader, QPixmap
from PyQt6.QtSql import QSqlDatabase
from PyQt6.QtSvg import QSvgRenderer
from PyQt6.QtWidgets import QApplication, QLabel

app = QApplication([])
label = QLabel("pack é")
label.show()
assert not label.grab().isNull()
translator = QTranslator()
assert translator.load("qtbase_de", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath))
formats = {bytes(name).decode() for name in QImageReader.supportedImageFormats()}
assert {"png", "jpeg", "svg", "gif"} <= formats, formats
assert "QSQLITE" in QSqlDatabase.drivers()
assert QSvgRenderer(b"<svg xmlns='http://www.w3.org/2000/svg'/>").isValid()
QTimer.singleShot(0, app.quit)
assert app.exec() == 0
