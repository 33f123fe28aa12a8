"""See `model_packaging/converters/huggingface/heads.py`; the right values are those of the
pipelines."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.model_packaging.converters.huggingface.converter import CONVERTER
from lading.model_packaging.errors import PackagingError
from tests.model_packaging.transformers_folders import (
    LONG,
    SMALL,
    TEXTS,
    answers,
    bart,
    bert,
    gpt2,
    pipeline_scores,
    roberta,
    saved,
    wordpiece,
)
from tests.support.frameworks import needs

pytestmark = needs("huggingface", "torch", "onnxscript", "transformers", "tokenizers")


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes), encoding="utf-8")


@pytest.mark.parametrize(
    "options",
    [
        {"num_labels": 3},
        {"num_labels": 3, "problem_type": "single_label_classification"},
        {"num_labels": 3, "problem_type": "multi_label_classification"},
        {"num_labels": 1},
        {"num_labels": 1, "problem_type": "regression"},
        {"num_labels": 3, "problem_type": "regression"},
        {"num_labels": 1, "problem_type": "multi_label_classification"},
    ],
    ids=str,
)
def test_scores_are_those_of_the_pipeline(tmp_path: Path, options: dict[str, Any]) -> None:
    spec = bert(tmp_path, **options)
    found = answers(spec, *TEXTS)["probabilities"]
    wanted = pipeline_scores(spec, *TEXTS)
    assert np.ptp(wanted, axis=0).min() > 1e-3  # far above the tolerance; vocabularies vary
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("function", ["sigmoid", "softmax", "none"])
def test_the_function_that_the_configuration_names_comes_first(
    tmp_path: Path, function: str
) -> None:
    spec = bert(tmp_path, num_labels=3, problem_type="multi_label_classification")
    edit(tmp_path / "config.json", function_to_apply=function)
    found = answers(spec, *TEXTS)["probabilities"]
    wanted = pipeline_scores(spec, *TEXTS, function_to_apply=function)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "function", "text"),
    [
        ("BertForSequenceClassification", "tanh", "function_to_apply: tanh in config.json; sigm"),
        ("BertForTokenClassification", "sigmoid", "function_to_apply: sigmoid; the pipeline for"),
    ],
)
def test_a_function_that_the_pipeline_does_not_apply_is_refused(
    tmp_path: Path, kind: str, function: str, text: str
) -> None:
    spec = bert(tmp_path, kind)
    edit(tmp_path / "config.json", function_to_apply=function)
    with pytest.raises(PackagingError, match=text):
        CONVERTER.convert(spec)


def test_labels_without_names_get_those_of_transformers(tmp_path: Path) -> None:
    spec = bert(tmp_path, num_labels=2)
    assert "id2label" not in json.loads((tmp_path / "config.json").read_bytes())
    found = answers(spec, *TEXTS)
    assert set(found["label"].ravel()) == {b"LABEL_0", b"LABEL_1"}
    np.testing.assert_allclose(found["probabilities"], pipeline_scores(spec, *TEXTS), rtol=1e-4)


def test_two_classes_may_have_one_name(tmp_path: Path) -> None:
    labels = {0: "crane", 1: "owl", 2: "crane"}
    found = answers(bert(tmp_path, id2label=labels, label2id={"crane": 2, "owl": 1}), *TEXTS)
    names = np.array([b"crane", b"owl", b"crane"])[found["probabilities"].argsort()[:, ::-1]]
    assert found["label"].tolist() == names.tolist()


def test_labels_that_are_not_numbered_from_0_are_refused(tmp_path: Path) -> None:
    spec = bert(tmp_path, id2label={0: "a", 1: "b"}, label2id={"a": 0, "b": 1})
    edit(tmp_path / "config.json", id2label={"1": "a", "2": "b"})
    with pytest.raises(PackagingError, match="must have labels numbered from 0 to 1"):
        CONVERTER.convert(spec)


@pytest.mark.parametrize("padded", [True, False])
def test_a_decoder_answers_from_the_last_token_of_each_text(tmp_path: Path, padded: bool) -> None:
    spec = gpt2(tmp_path, padded=padded)
    texts = (*TEXTS, "ends <|endoftext|>", LONG)
    found = answers(spec, *texts)["probabilities"]
    np.testing.assert_allclose(found, pipeline_scores(spec, *texts), rtol=1e-4, atol=1e-5)


def test_a_decoder_that_pads_on_the_left_answers_as_for_each_text_alone(tmp_path: Path) -> None:
    spec = gpt2(tmp_path, padded=True, padding_side="left")
    found = answers(spec, *TEXTS)["probabilities"]
    np.testing.assert_allclose(found, pipeline_scores(spec, *TEXTS), rtol=1e-4, atol=1e-5)


def test_positions_that_begin_behind_padding_shorten_the_longest_text(tmp_path: Path) -> None:
    spec = roberta(tmp_path)
    conversion = CONVERTER.convert(spec)
    assert conversion.processing is not None
    assert conversion.processing.steps[0]["max_length"] == 64
    found = answers(spec, *TEXTS, LONG)["probabilities"]
    edit(tmp_path / "tokenizer_config.json", model_max_length=64)
    wanted = pipeline_scores(spec, *TEXTS, LONG)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_half_precision_is_computed_in_single_precision(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification

    spec = bert(tmp_path, num_labels=3)
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    model.to(torch.bfloat16).save_pretrained(tmp_path)
    found = answers(spec, *TEXTS)["probabilities"]
    wanted = pipeline_scores(spec, *TEXTS, dtype=torch.float32)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_model_that_answers_from_the_end_of_a_text_may_find_several_ends(tmp_path: Path) -> None:
    spec = bart(tmp_path)
    texts = (*TEXTS, "one </s> and </s> more", LONG)
    found = answers(spec, *texts)["probabilities"]
    np.testing.assert_allclose(found, pipeline_scores(spec, *texts), rtol=1e-4, atol=1e-5)


def test_a_model_that_does_not_mask_padding_is_refused(tmp_path: Path) -> None:
    sizes = {"vocab_size": wordpiece(tmp_path, model_max_length=64), "embedding_size": 32, **SMALL}
    spec = saved(tmp_path, "ConvBertForSequenceClassification", "ConvBertConfig", sizes)
    with pytest.raises(PackagingError, match="answers a text differently beside a longer one"):
        CONVERTER.convert(spec)
