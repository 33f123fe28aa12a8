"""XGBoost's and LightGBM's estimators where scikit-learn's stand: in pipelines, and in pickles.

`boosted(estimator)` reads one; `boosting.to_onnx` makes it an ONNX model that takes `X` of the
booster's own dtype and shape [rows, columns]. Round to that type just before it: XGBoost rounds to
float32 whatever it gets, and LightGBM compares in float64. The model answers, by `answers`:

- "two classes", "classes": `label`, the place of the class in `classes_`, int64 of shape [rows],
  and `probabilities` [rows, classes];
- "labels": `label` of zeros and ones, int64, and `probabilities`, both of shape [rows, labels];
- "numbers": `prediction` [rows, targets], of regressors and rankers. Rankers have no type among
  scikit-learn's tags.

`trees` are the splits in terms of the columns that the estimator gets, for `tree_probes`. Where
`infinite` is false the estimator refuses infinite values.
"""

from typing import Any

from model_packaging import lightgbm_model, xgboost_model
from model_packaging.boosting import Booster


def boosted(estimator: Any) -> Booster | None:
    """What ONNX needs to know of a fitted estimator of these libraries; None for any other.

    Raises:
        Unsupported: a part of it has no ONNX form here; the text names it.
    """
    libraries = {kind.__module__.partition(".")[0] for kind in type(estimator).__mro__}
    if "xgboost" in libraries:
        return xgboost_model.read_estimator(estimator)
    if "lightgbm" in libraries:
        return lightgbm_model.read_estimator(estimator)
    return None
