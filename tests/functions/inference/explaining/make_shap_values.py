"""Writes shap_values.json beside this file: what shap 0.54 says of the reference models.

It needs Python 3.12 or newer, in an environment of its own:

    python3.13 -m venv shap && shap/bin/pip install shap==0.54.1 scikit-learn
    shap/bin/python tests/functions/inference/explaining/make_shap_values.py

The values are interventional, with the same background as in the tests: those of the forest by
shap's TreeExplainer, the others by its exact enumeration of coalitions.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import shap  # type: ignore[import-not-found]  # only in its own environment
from reference_models import MODELS  # type: ignore[import-not-found]  # beside this file
from sklearn.ensemble import RandomForestRegressor

EXPLAINED = 16
"""Rows of each model."""


def _rows(generator: np.random.Generator, rows: int, features: int) -> Any:
    return np.round(generator.normal(size=(rows, features)), 3)


def _network(generator: np.random.Generator) -> dict[str, Any]:
    into, out = _rows(generator, 12, 8), 2 * _rows(generator, 8, 3)
    return {"into": into.tolist(), "out": out.tolist()}


def _forest(generator: np.random.Generator) -> Any:
    x = _rows(generator, 400, 20)
    y = x[:, 0] * x[:, 1] + np.sin(2 * x[:, 2]) * x[:, 3] + x[:, 4:8].sum(axis=1)
    return RandomForestRegressor(8, max_depth=5, random_state=0).fit(x, y)


def _trees(model: Any) -> dict[str, Any]:
    trees = [estimator.tree_ for estimator in model.estimators_]
    return {
        "trees": [
            {
                "left": tree.children_left.tolist(),
                "right": tree.children_right.tolist(),
                "feature": np.maximum(tree.feature, 0).tolist(),
                "threshold": tree.threshold.tolist(),
                "value": tree.value[:, 0, 0].tolist(),
            }
            for tree in trees
        ]
    }


def main() -> None:
    """Write the file."""
    generator = np.random.default_rng(54)
    grown = _forest(generator)
    parameters = {"network": _network(generator), "forest": _trees(grown), "product": {}}
    features, background = {"network": 12, "forest": 20, "product": 8}, {"forest": 100}
    cases = {}
    for name, make in MODELS.items():
        model, count = make(parameters[name]), features[name]
        rows = _rows(generator, background.get(name, 40), count)
        x = _rows(generator, EXPLAINED, count)
        x[:4, 1] = rows[:, 1] = 0.5  # a feature that does not vary in some rows
        masker = shap.maskers.Independent(rows, max_samples=len(rows))
        if name == "forest":
            assert np.allclose(grown.predict(x), model(x)[:, 0])
            explainer = shap.TreeExplainer(grown, rows, feature_perturbation="interventional")
            values = explainer.shap_values(x)[..., np.newaxis]
        else:
            values = shap.explainers.ExactExplainer(model, masker)(x).values
            values = values.reshape(len(x), count, -1)
        cases[name] = {
            "parameters": parameters[name],
            "background": rows.tolist(),
            "x": x.tolist(),
            "values": np.round(values, 12).tolist(),
        }
    document = {"shap": shap.__version__, "cases": cases}
    Path(__file__).with_name("shap_values.json").write_text(
        json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
