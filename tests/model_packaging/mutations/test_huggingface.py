"""Damages to Hugging Face models, in the graph and its steps, each of which packaging refuses."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, helper, numpy_helper

from lading.model_packaging.conversion import Conversion
from lading.model_packaging.converters.huggingface.converter import CONVERTER
from lading.model_packaging.manifest.models import ModelSpec
from tests.model_packaging.converters.huggingface.test_images import CROPPED, save
from tests.model_packaging.converters.huggingface.test_sentence_modules import (
    LIBRARY,
    OWN,
    SIZE,
    layout,
    weights,
    write,
)
from tests.model_packaging.mutations.kit import require_refusal, require_refused, require_sound
from tests.model_packaging.transformers_folders import bert, gpt2
from tests.support.frameworks import needs

pytestmark = needs("huggingface", "torch", "onnxscript", "transformers", "tokenizers")

Sound = tuple[ModelSpec, Conversion]


def converted(spec: ModelSpec) -> Sound:
    return spec, require_sound(spec, CONVERTER.convert(spec))


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    """A classifier of several labels at once."""
    folder = tmp_path_factory.mktemp("texts")
    spec = bert(folder, num_labels=3, problem_type="multi_label_classification")
    named = {"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]}
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | named), encoding="utf-8")
    return converted(spec)


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    return converted(gpt2(tmp_path_factory.mktemp("decoder"), padded=True))


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    folder = tmp_path_factory.mktemp("tokens")
    return converted(bert(folder, "BertForTokenClassification", num_labels=3))


def softmax_for_sigmoid(model: ModelProto) -> None:
    [node] = [node for node in model.graph.node if node.op_type == "Sigmoid"]
    node.op_type = "Softmax"


def sigmoid_dropped(model: ModelProto) -> None:
    [node] = [node for node in model.graph.node if node.op_type == "Sigmoid"]
    node.op_type = "Identity"


def mask_ignored(model: ModelProto) -> None:
    """All ones for the mask."""
    for node in model.graph.node:
        node.input[:] = ["ones" if name == "attention_mask" else name for name in node.input]
    model.graph.initializer.append(numpy_helper.from_array(np.array(0, np.int64), "nought"))
    model.graph.initializer.append(numpy_helper.from_array(np.array(1, np.int64), "one"))
    model.graph.node.insert(0, helper.make_node("Add", ["noughts", "one"], ["ones"]))
    model.graph.node.insert(0, helper.make_node("Mul", ["attention_mask", "nought"], ["noughts"]))


def gelu_of_another_curve(model: ModelProto) -> None:
    for node in model.graph.node:
        if node.op_type == "Gelu":
            node.attribute.append(helper.make_attribute("approximate", "tanh"))


def changed(name: str, change: Callable[[Any], Any]) -> Callable[[ModelProto], None]:
    """Another value for the only weight whose name ends so."""

    def damage(model: ModelProto) -> None:
        [weight] = [each for each in model.graph.initializer if each.name.endswith(name)]
        array = np.array(numpy_helper.to_array(weight))
        weight.CopyFrom(numpy_helper.from_array(change(array).astype(array.dtype), weight.name))

    return damage


GRAPHS = {
    "softmax instead of sigmoid": softmax_for_sigmoid,
    "sigmoid dropped": sigmoid_dropped,
    "attention mask ignored": mask_ignored,
    "gelu of tanh": gelu_of_another_curve,
    "token types dropped": changed("token_type_embeddings.weight", np.zeros_like),
    "positions moved by one": changed("position_embeddings.weight", lambda it: np.roll(it, 1, 0)),
    "last position lost": changed(
        "position_embeddings.weight", lambda it: np.concatenate([it[:-1], 0 * it[-1:]])
    ),
    "bias of the head lost": changed("classifier.bias", np.zeros_like),
    "classes in another order": changed("classifier.bias", lambda it: it[::-1]),
    "a layer norm without its bias": changed("layer.1.output.LayerNorm.bias", np.zeros_like),
    "a weight of the pooler changed": changed("pooler.dense.bias", lambda it: it + 0.1),
}


@pytest.mark.parametrize("damage", GRAPHS.values(), ids=GRAPHS.keys())
def test_mutations_huggingface_graph(texts: Sound, damage: Callable[[ModelProto], None]) -> None:
    require_refusal(*texts, damage)


def with_step(conversion: Conversion, at: int, **changes: Any) -> Conversion:
    """The conversion with other options of one of its steps."""
    assert conversion.processing is not None
    steps = list(conversion.processing.steps)
    steps[at] = {**steps[at], **changes}
    return replace(conversion, processing=replace(conversion.processing, steps=tuple(steps)))


def with_tokenizer(conversion: Conversion, **changes: Any) -> Conversion:
    """The conversion with other parts of its tokenizer.json."""
    assert conversion.processing is not None
    document = json.loads(conversion.processing.files["tokenizer.json"]) | changes
    files: Mapping[str, bytes] = {"tokenizer.json": json.dumps(document).encode()}
    return replace(conversion, processing=replace(conversion.processing, files=files))


LOWER: Mapping[str, Any] = {"type": "Lowercase"}
BARE: Mapping[str, Any] = {
    "type": "Sequence",
    "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}],
}
STEPS: Mapping[str, Callable[[Conversion], Conversion]] = {
    "cut a token earlier": lambda it: with_step(it, 0, max_length=63),
    "cut a token later": lambda it: with_step(it, 0, max_length=65),
    "cut on the left": lambda it: with_step(it, 0, truncation="left"),
    "a prompt": lambda it: with_step(it, 0, prompt="a "),
    "lower case": lambda it: with_tokenizer(it, normalizer=LOWER),
    "accents stripped": lambda it: with_tokenizer(
        it,
        normalizer={"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}]},
    ),
    "special tokens dropped": lambda it: with_tokenizer(it, post_processor=None),
    "split at spaces alone": lambda it: with_tokenizer(
        it, pre_tokenizer={"type": "WhitespaceSplit"}
    ),
    "labels in another order": lambda it: with_step(
        it, 1, labels=["LABEL_1", "LABEL_0", "LABEL_2"]
    ),
    "fewer labels": lambda it: with_step(it, 1, top=2),
}


@pytest.mark.parametrize("damage", STEPS.values(), ids=STEPS.keys())
def test_mutations_huggingface_steps(
    texts: Sound, damage: Callable[[Conversion], Conversion]
) -> None:
    spec, conversion = texts
    require_refused(spec, conversion, damage(conversion))


def test_mutations_huggingface_padding(decoder: Sound) -> None:
    spec, conversion = decoder
    damaged = with_step(conversion, 0, pad={"id": 5, "token": "?"})
    require_refused(spec, conversion, damaged)


TOKENS: Mapping[str, Callable[[Conversion], Conversion]] = {
    "labels in another order": lambda it: with_step(
        it, 1, labels=["LABEL_1", "LABEL_0", "LABEL_2"]
    ),
    "offsets after lower-casing": lambda it: with_tokenizer(it, normalizer={"type": "NFKD"}),
}


@pytest.mark.parametrize("damage", TOKENS.values(), ids=TOKENS.keys())
def test_mutations_huggingface_tokens(
    tokens: Sound, damage: Callable[[Conversion], Conversion]
) -> None:
    spec, conversion = tokens
    require_refused(spec, conversion, damage(conversion))


def test_mutations_huggingface_tokens_padding(tokens: Sound) -> None:
    require_refusal(*tokens, mask_ignored)


def sentences(folder: Path, *modules: tuple[str, dict[str, Any]]) -> Sound:
    spec = layout(folder, *modules)
    write(folder / LIBRARY, {"prompts": {"q": "the food: "}, "default_prompt_name": "q"})
    write(folder / OWN, {"do_lower_case": True, "max_seq_length": 9})
    for at, (kind, _) in enumerate(modules):
        if kind == "Dense":
            weights(folder / f"{at}_Dense", linear__weight=(SIZE, SIZE), linear__bias=(SIZE,))
    return spec, CONVERTER.convert(spec)


DENSE = ("Dense", {"in_features": SIZE, "out_features": SIZE})
MEAN = ("Pooling", {"word_embedding_dimension": SIZE, "pooling_mode": "mean"})
MODULES = {
    "another pooling": (("Pooling", {**MEAN[1], "pooling_mode": "cls"}), DENSE, ("Normalize", {})),
    "prompt left out": (
        ("Pooling", {**MEAN[1], "include_prompt": False}),
        DENSE,
        ("Normalize", {}),
    ),
    "no Dense": (MEAN, ("Normalize", {})),
    "no Normalize": (MEAN, DENSE),
    "another activation": (
        MEAN,
        ("Dense", {**DENSE[1], "activation_function": "torch.nn.modules.linear.Identity"}),
        ("Normalize", {}),
    ),
}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    """Every module of sentence-transformers, a prompt, and lower-casing."""
    folder = tmp_path_factory.mktemp("encoder")
    spec, conversion = sentences(folder, MEAN, DENSE, ("Normalize", {}))
    return spec, require_sound(spec, conversion)


@needs("huggingface", "sentence_transformers")
@pytest.mark.parametrize("modules", MODULES.values(), ids=MODULES.keys())
def test_mutations_sentence_transformers_modules(
    encoder: Sound, tmp_path: Path, modules: tuple[tuple[str, dict[str, Any]], ...]
) -> None:
    spec, conversion = encoder
    _, other = sentences(tmp_path, *modules)
    require_refused(spec, conversion, replace(conversion, onnx=other.onnx))


SENTENCES: Mapping[str, Callable[[Conversion], Conversion]] = {
    "prompt dropped": lambda it: with_step(it, 0, prompt=""),
    "lower-casing dropped": lambda it: with_tokenizer(it, normalizer=None),
    "cut a token later": lambda it: with_step(it, 0, max_length=10),
}


@needs("huggingface", "sentence_transformers")
@pytest.mark.parametrize("damage", SENTENCES.values(), ids=SENTENCES.keys())
def test_mutations_sentence_transformers_steps(
    encoder: Sound, damage: Callable[[Conversion], Conversion]
) -> None:
    spec, conversion = encoder
    require_refused(spec, conversion, damage(conversion))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    return converted(save(tmp_path_factory.mktemp("images"), "MobileNetV2", **CROPPED))


IMAGES: Mapping[str, Mapping[str, Any]] = {
    "colors in another order": {"mode": "BGR"},
    "another filter": {"resample": "nearest"},
    "values not scaled": {"scale": 1.0},
    "another mean": {"mean": [0.4, 0.4, 0.4]},
    "another deviation": {"std": [0.4, 0.4, 0.4]},
    "resized without a crop": {"resize": [16, 16], "crop": None},
    "resized to another side": {"resize": 21},
}


@pytest.mark.parametrize("changes", IMAGES.values(), ids=IMAGES.keys())
def test_mutations_huggingface_images(images: Sound, changes: Mapping[str, Any]) -> None:
    spec, conversion = images
    require_refused(spec, conversion, with_step(conversion, 0, **changes))
