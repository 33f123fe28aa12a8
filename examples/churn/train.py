"""Train a churn model on columns of numbers and of categories, which are found by their names.

The customers are invented: who leaves depends on tenure, price, plan and country, with noise.
Writes, beside this file, `model.skops` and `holdout.csv`: customers that training never saw.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from skops import io

SEED = 0
CUSTOMERS = 4000
NUMBERS, CATEGORIES = ["tenure", "monthly_price"], ["plan", "country"]


def main(folder: Path) -> float:
    """Train, save both files in `folder`, and return the accuracy on the held-out customers."""
    customers = make_customers()
    train, held = train_test_split(customers, test_size=0.25, random_state=SEED)
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), NUMBERS),
            ("categories", OneHotEncoder(handle_unknown="ignore"), CATEGORIES),
        ]
    )
    model = Pipeline([("columns", columns), ("classifier", LogisticRegression())])
    model.fit(train[NUMBERS + CATEGORIES], train["y"])
    io.dump(model, folder / "model.skops")
    held.to_csv(folder / "holdout.csv", index=False)
    return float(model.score(held[NUMBERS + CATEGORIES], held["y"]))


def make_customers() -> pd.DataFrame:
    """Customers with `y`: 1 for those who left."""
    generator = np.random.default_rng(SEED)
    tenure = generator.gamma(2, 12, CUSTOMERS).round(1)
    plan = generator.choice(["monthly", "yearly", "trial"], CUSTOMERS, p=[0.6, 0.3, 0.1])
    country = generator.choice(["Österreich", "Deutschland", "Schweiz"], CUSTOMERS)
    price = generator.normal(30, 8, CUSTOMERS).clip(5).round(2)
    score = 0.06 * (price - 30) - 0.08 * (tenure - 20)
    score += 3.0 * (plan == "trial") - 2.0 * (plan == "yearly") + 0.5 * (country == "Schweiz")
    left = score + generator.logistic(0, 0.7, CUSTOMERS) > 0
    table = {"tenure": tenure, "monthly_price": price, "plan": plan, "country": country}
    return pd.DataFrame({**table, "y": left.astype(int)})


if __name__ == "__main__":
    here = Path(__file__).parent
    print(f"held-out accuracy {main(here):.4f}; wrote model.skops and holdout.csv in {here}")
