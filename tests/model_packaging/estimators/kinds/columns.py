"""A frame of texts and numbers, whole and with holes, and a target."""

from typing import Any

import numpy as np
import pytest

pd = pytest.importorskip("pandas")

GENERATOR = np.random.default_rng(3)
ROWS = 240
CITY = GENERATOR.choice(["Wien", "Graz", "Linz"], ROWS)
PLAN = GENERATOR.choice(list("abcde"), ROWS, p=[0.5, 0.3, 0.1, 0.07, 0.03])
AGE, CODE = GENERATOR.normal(40, 12, ROWS), GENERATOR.choice([1.0, 2.0, 7.5], ROWS)
TARGET = ((CITY == "Wien").astype(int) + (PLAN == "a") + (AGE > 40) > 1).astype(int)


def column(values: Any) -> Any:
    return pd.Series(np.asarray(values, np.object_), dtype=object)


FULL = pd.DataFrame({"city": column(CITY), "plan": column(PLAN), "age": AGE, "code": CODE})
HOLED = FULL.copy()
HOLED.loc[GENERATOR.random(ROWS) < 0.2, "city"] = None
HOLED.loc[GENERATOR.random(ROWS) < 0.2, "plan"] = np.nan
HOLED.loc[GENERATOR.random(ROWS) < 0.2, "code"] = np.nan

TEXT = {"plan": "BYTES", "city": "BYTES"}
