from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer

from lading.api.errors import NotPackageable
from lading.api.objects import save_object
from tests.support.frameworks import needs


class _Unpicklable(LinearRegression):  # type: ignore[misc] # sklearn is untyped
    def __reduce__(self) -> Any:
        raise TypeError("a lock cannot be pickled")


def test_an_estimator_keeps_what_it_answers_and_needs_trust(tmp_path: Path) -> None:
    saved = save_object(LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]), {}, tmp_path)
    assert (Path(saved.source).name, saved.keys, saved.answers) == (
        *("model.pkl", {"trust": True}, "numbers"),
    )


def test_an_object_that_cannot_be_saved_says_why(tmp_path: Path) -> None:
    with pytest.raises(NotPackageable, match="_Unpicklable cannot be saved: a lock cannot"):
        save_object(_Unpicklable(), {}, tmp_path)


def triple(x: Any) -> Any:
    return 3 * x


def test_code_of_a_notebook_needs_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triple, "__module__", "__main__")  # as that of a notebook's cell
    monkeypatch.setattr("__main__.triple", triple, raising=False)
    model = FunctionTransformer(triple)
    with pytest.raises(NotPackageable, match="of this notebook or script"):
        save_object(model, {}, tmp_path)


@needs("boosting", "lightgbm")
@pytest.mark.parametrize(
    ("classes", "file"),
    [([0, 1], "model.txt"), (["no", "yes"], "model.pkl"), ([1, 2], "model.pkl")],
)
def test_names_of_classes_stay_with_a_booster(
    tmp_path: Path, classes: list[Any], file: str
) -> None:
    from lightgbm import LGBMClassifier

    rows = np.arange(40.0).reshape(-1, 1)
    model = LGBMClassifier(n_estimators=1, verbose=-1).fit(rows, np.repeat(classes, 20))
    assert Path(save_object(model, {}, tmp_path).source).name == file


@pytest.mark.slow  # imports torch
def test_a_network_without_rows_does_not_say_what_it_takes(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(NotPackageable, match=r"package\(model, X\)"):
        save_object(torch.nn.Linear(1, 1), {}, tmp_path)


@pytest.mark.slow
def test_a_model_of_texts_needs_its_tokenizer(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=8, hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4
    )
    with pytest.raises(NotPackageable, match="give the pipeline instead"):
        save_object(transformers.BertModel(config), {}, tmp_path)
