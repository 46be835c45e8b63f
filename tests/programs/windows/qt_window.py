"""The same with PyQt6."""

import os
import sys

from PyQt6.QtCore import QTimer
from PyQt6.QtGui import QColor, QIcon, QPixmap
from PyQt6.QtWidgets import QApplication, QWidget

go_on = sys.argv[1]
app = QApplication(sys.argv)
bare, other = QWidget(), QWidget()
bare.setWindowTitle("bare")
bare.setGeometry(60, 60, 320, 160)
other.setWindowTitle("own")
other.setGeometry(400, 60, 320, 160)
picture = QPixmap(16, 16)
picture.fill(QColor("#00c020"))
other.setWindowIcon(QIcon(picture))
bare.show()
other.show()
timer = QTimer()
timer.timeout.connect(lambda: os.path.exists(go_on) and app.quit())
timer.start(20)
QTimer.singleShot(100_000, app.quit)
app.exec()
