# /// script
# dependencies = ["PySide6-Essentials"]
# [tool.libraries]
# environment = "desktop"
# system = ["libegl1", "libgl1", "libxkbcommon0", "libdbus-1-3", "libfontconfig1"]
# ///
import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
from PySide6.QtCore import QLibraryInfo, QObject, QTimer, QTranslator, QUrl, Signal
from PySide6.QtGui import QImageReader
from PySide6.QtNetwork import QSslSocket
from PySide6.QtQml import QQmlComponent, QQmlEngine
from PySide6.QtWidgets import QApplication, QLabel


class Source(QObject):
    changed = Signal(int)


app = QApplication([])
label = QLabel("pack")
label.show()
assert not label.grab().isNull()
seen = []
source = Source()
source.changed.connect(seen.append)
source.changed.emit(3)
assert seen == [3]
translator = QTranslator()
assert translator.load("qtbase_de", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath))
assert QSslSocket.supportsSsl()
engine = QQmlEngine()
component = QQmlComponent(engine)
component.setData(b"import QtQuick\nRectangle { width: 3 }", QUrl())
assert component.create() is not None, component.errorString()
QTimer.singleShot(0, app.quit)
assert app.exec() == 0
