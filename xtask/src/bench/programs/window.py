"""Opens a window with a label and closes it when the event loop first comes round."""

import sys

from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QApplication, QLabel

if __name__ == "__main__":
    application = QApplication(sys.argv)
    label = QLabel("Hello, world!")
    label.show()
    QTimer.singleShot(0, application.quit)
    sys.exit(application.exec())
