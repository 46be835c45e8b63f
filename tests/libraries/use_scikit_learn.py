# /// script
# dependencies = ["scikit-learn"]
# [tool.libraries]
# environment = "science"
# ///
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

x, y = load_iris(return_X_y=True)
assert make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y).score(x, y) > 0.9
assert cross_val_score(RandomForestClassifier(20, n_jobs=2, random_state=0), x, y).mean() > 0.9
