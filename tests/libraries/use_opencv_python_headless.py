# /// script
# dependencies = ["opencv-python-headless"]
# [tool.libraries]
# environment = "science"
# ///
import cv2
import numpy as np

image = np.zeros((40, 40, 3), "uint8")
cv2.circle(image, (20, 20), 8, (255, 255, 255), -1)
ok, data = cv2.imencode(".png", image)
assert ok and (cv2.imdecode(data, cv2.IMREAD_COLOR) == image).all()
contours, _ = cv2.findContours(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
assert len(contours) == 1
