# /// script
# dependencies = ["numpy"]
# [tool.libraries]
# environment = "core"
# ///
import numpy as np

matrix = np.arange(9.0).reshape(3, 3) + np.eye(3)
assert np.allclose(np.linalg.inv(matrix) @ matrix, np.eye(3))
assert np.allclose(np.fft.ifft(np.fft.fft([1, 2, 3])).real, [1, 2, 3])
assert np.random.default_rng(1).normal(size=1000).std() > 0.9
