# /// script
# dependencies = ["statsmodels"]
# [tool.libraries]
# environment = "science"
# ///
import numpy as np
import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as smf

frame = pd.DataFrame({"x": np.arange(10.0), "y": 3 * np.arange(10.0) + 1})
assert abs(smf.ols("y ~ x", frame).fit().params["x"] - 3) < 1e-9
assert "OLS" in str(sm.OLS(frame.y, sm.add_constant(frame.x)).fit().summary())
assert len(sm.datasets.longley.load_pandas().data) == 16
