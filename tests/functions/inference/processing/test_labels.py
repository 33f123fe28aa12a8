import numpy as np
import pytest

from lading.functions.inference.processing.processed import make_step
from lading.functions.inference.tensors.conversion import Array

LABELS = ["cat", "dog", "größer"]


def labeled(scores: list, top: int) -> dict[str, Array]:  # type: ignore[type-arg]
    options = {"step": "labels", "scores": "p", "labels": LABELS, "top": top}
    return make_step(options, {}).after({"p": np.array(scores, np.float32)})


def test_the_likeliest_labels_come_first_with_their_scores() -> None:
    found = labeled([[0.2, 0.7, 0.1], [0.0, 0.1, 0.9]], 2)
    assert found["label"].tolist() == [[b"dog", b"cat"], ["größer".encode(), b"dog"]]
    assert found["score"].tolist() == pytest.approx(np.array([[0.7, 0.2], [0.9, 0.1]]))
    assert set(found) == {"p", "label", "score"}


def test_one_label_has_no_axis_of_its_own_whatever_stands_before() -> None:
    found = labeled([[[0.2, 0.7, 0.1], [0.9, 0.1, 0.0]]], 1)
    assert found["label"].tolist() == [[b"dog", b"cat"]]
    assert found["score"].shape == (1, 2)


def test_logits_become_probabilities_whose_sum_is_one() -> None:
    options = {"step": "labels", "scores": "p", "labels": LABELS, "top": 3, "softmax": True}
    logits = np.array([[1000.0, 999.0, -1000.0]], np.float32)
    found = make_step(options, {}).after({"p": logits})
    assert found["score"].tolist() == [pytest.approx([0.7311, 0.2689, 0.0], abs=1e-4)]
    assert found["p"] is logits


def test_of_equals_the_first_class_comes_first() -> None:
    assert labeled([[0.3, 0.3, 0.3]], 3)["label"].tolist() == [[b"cat", b"dog", "größer".encode()]]
