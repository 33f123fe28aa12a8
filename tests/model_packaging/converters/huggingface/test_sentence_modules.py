"""See `model_packaging/converters/huggingface/sentence_modules.py`; the right values are the
library's own."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.converters.huggingface.converter import CONVERTER
from lading.model_packaging.errors import PackagingError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.quiet import quiet
from tests.model_packaging.transformers_folders import LONG, TEXTS, answers, bert, gpt2
from tests.support.frameworks import needs

pytestmark = needs("huggingface", "torch", "onnxscript", "transformers", "tokenizers")
with_library = needs("huggingface", "sentence_transformers")

PREFIX = "sentence_transformers.models."
LIBRARY, OWN = "config_sentence_transformers.json", "sentence_bert_config.json"
SIZE = 32


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def layout(folder: Path, *modules: tuple[str, dict[str, Any]]) -> ModelSpec:
    """A BERT, and these modules with their config.json behind it."""
    spec = bert(folder, "BertModel")
    kinds = [("Transformer", ""), *((kind, f"{at}_{kind}") for at, (kind, _) in enumerate(modules))]
    entries = [
        {"idx": at, "name": str(at), "path": path, "type": PREFIX + kind}
        for at, (kind, path) in enumerate(kinds)
    ]
    write(folder / "modules.json", entries)
    for (_, path), (_, options) in zip(kinds[1:], modules, strict=True):
        write(folder / path / "config.json", options)
    return spec


def pooling(*modes: str, **options: Any) -> tuple[str, dict[str, Any]]:
    return ("Pooling", {"word_embedding_dimension": SIZE, "pooling_mode": list(modes), **options})


def dense(**options: Any) -> tuple[str, dict[str, Any]]:
    return ("Dense", {"in_features": SIZE, "out_features": 8, **options})


def weights(folder: Path, **shapes: tuple[int, ...]) -> None:
    """Weights by chance, of a module."""
    from safetensors.numpy import save_file

    generator = np.random.default_rng(0)
    arrays = {
        name.replace("__", "."): generator.standard_normal(shape).astype(np.float32)
        for name, shape in shapes.items()
    }
    save_file(arrays, folder / "model.safetensors")


def encoded(spec: ModelSpec, *texts: str) -> Array:
    """What the library itself answers, for each text by itself."""
    from sentence_transformers import SentenceTransformer

    with quiet():
        model = SentenceTransformer(str(spec.source), device="cpu", local_files_only=True)
        found: Array = model.encode(list(texts), batch_size=1, show_progress_bar=False)
    return found


def assert_right(spec: ModelSpec, *texts: str) -> Array:
    texts = texts or (*TEXTS, LONG, "")
    found = answers(spec, *texts)["embedding"]
    np.testing.assert_allclose(found, encoded(spec, *texts), rtol=1e-4, atol=1e-5)
    return found


@with_library
def test_dense_layer_norm_dropout_and_normalize_follow_in_order(tmp_path: Path) -> None:
    activation = {"activation_function": "torch.nn.modules.activation.GELU"}
    spec = layout(
        tmp_path,
        pooling("mean"),
        ("LayerNorm", {"dimension": SIZE}),
        dense(bias=False, **activation),
        ("Dropout", {"dropout": 0.5}),
        ("Normalize", {}),
    )
    weights(tmp_path / "1_LayerNorm", norm__weight=(SIZE,), norm__bias=(SIZE,))
    weights(tmp_path / "2_Dense", linear__weight=(8, SIZE))
    found = assert_right(spec)
    assert found.shape[1] == 8
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)


@with_library
def test_dense_ends_in_tanh_where_its_file_names_no_activation(tmp_path: Path) -> None:
    spec = layout(tmp_path, pooling("mean"), dense())
    weights(tmp_path / "1_Dense", linear__weight=(8, SIZE), linear__bias=(8,))
    assert np.abs(assert_right(spec)).max() <= 1


@with_library
def test_weights_of_older_folders_are_read_without_running_their_pickles(tmp_path: Path) -> None:
    import torch

    spec = layout(tmp_path, pooling("mean"), dense())
    path = tmp_path / "1_Dense" / "pytorch_model.bin"
    torch.save({"linear.weight": torch.ones(8, SIZE), "linear.bias": torch.zeros(8)}, path)
    assert_right(spec, *TEXTS)
    torch.save({"linear.weight": Path("a path is no tensor")}, path)
    with pytest.raises(PackagingError, match="cannot be loaded: Weights only load failed"):
        CONVERTER.convert(spec)


@with_library
def test_prompts_without_a_default_are_not_put_before_texts(tmp_path: Path) -> None:
    spec = layout(tmp_path, pooling("mean"))
    bare = encoded(spec, *TEXTS)
    write(tmp_path / LIBRARY, {"prompts": {"query": "the food: "}, "similarity_fn_name": "dot"})
    np.testing.assert_allclose(assert_right(spec, *TEXTS), bare, rtol=1e-3, atol=1e-5)


@with_library
def test_texts_are_put_into_lower_case_cut_and_vectors_shortened(tmp_path: Path) -> None:
    spec = layout(tmp_path, pooling("mean"))
    write(tmp_path / OWN, {"do_lower_case": True, "max_seq_length": 7})
    write(tmp_path / LIBRARY, {"truncate_dim": 5})
    found = assert_right(spec, *TEXTS, "THE FOOD WAS GREAT", "the food was great", LONG)
    np.testing.assert_allclose(found[-3], found[-2], rtol=1e-6)
    assert found.shape[1] == 5


@with_library
def test_a_folder_as_the_library_saves_it_now_is_understood(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    spec = layout(tmp_path / "old", pooling("mean"), dense(), ("Normalize", {}))
    weights(tmp_path / "old" / "1_Dense", linear__weight=(8, SIZE), linear__bias=(8,))
    with quiet():
        model = SentenceTransformer(str(spec.source), device="cpu", local_files_only=True)
        model.save_pretrained(str(tmp_path / "new"))
    assert_right(ModelSpec("m", tmp_path / "new"), *TEXTS)


@pytest.mark.parametrize("kind", ["WordEmbeddings", "BoW", "CNN", "LSTM", "StaticEmbedding", "X"])
def test_a_module_that_is_not_served_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    spec = layout(tmp_path, pooling("mean"), (kind, {}))
    with pytest.raises(PackagingError, match=rf"has the module {PREFIX}{kind} of sentence-tran"):
        CONVERTER.convert(spec)


def test_code_that_a_module_names_does_not_run(tmp_path: Path) -> None:
    spec = layout(tmp_path, pooling("mean"))
    (tmp_path / "evil.py").write_text("raise SystemExit('it ran')", encoding="utf-8")
    entries = json.loads((tmp_path / "modules.json").read_bytes())
    entries[1]["type"] = "evil.Pooling"
    write(tmp_path / "modules.json", entries)
    with pytest.raises(PackagingError, match=r"has the module evil\.Pooling of sentence-tr"):
        CONVERTER.convert(spec)


@pytest.mark.parametrize(
    ("file", "content", "text"),
    [
        (LIBRARY, {"rescale": 2}, f"states rescale: 2 in {LIBRARY}, which is not supported"),
        (LIBRARY, {"model_type": "CrossEncoder"}, "states model_type: CrossEncoder"),
        (LIBRARY, {"default_prompt_name": "q"}, "names a default prompt 'q'"),
        (OWN, {"query_length": 8}, f"states query_length: 8 in {OWN}"),
        (OWN, {"model_args": {"x": 1}}, "states model_args"),
        ("0_Pooling/config.json", {"pooling_mode": "median"}, "pools by median; cls, max, mean"),
        ("0_Pooling/config.json", {"weights": 1}, "states weights: 1 in 0_Pooling/config.json"),
        ("1_Dense/config.json", {"in_features": 32}, "has an invalid 1_Dense/config.json"),
        ("1_Dense/config.json", {"use_residual": True}, "states use_residual: True"),
        ("modules.json", [{"path": "", "name": "0"}], "has a module without name, path or type"),
        ("modules.json", {}, "has a modules.json that is not a list"),
        ("modules.json", [], "lists nothing in modules.json"),
    ],
    ids=str,
)
def test_what_is_not_understood_is_refused_by_name(
    tmp_path: Path, file: str, content: Any, text: str
) -> None:
    spec = layout(tmp_path, pooling("mean"), dense())
    weights(tmp_path / "1_Dense", linear__weight=(8, SIZE), linear__bias=(8,))
    write(tmp_path / file, content)
    with pytest.raises(PackagingError, match=text) as caught:
        CONVERTER.convert(spec)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("activation", "text"),
    [
        ("evil.Tanh", "has a Dense module with activation_function evil.Tanh; use one of torch.nn"),
        ("torch.nn.functional.gelu", "use one of torch.nn"),
        ("torch.nn.Nonsense", "has an invalid 1_Dense/config.json"),
    ],
)
def test_an_activation_that_is_not_torchs_is_refused(
    tmp_path: Path, activation: str, text: str
) -> None:
    spec = layout(tmp_path, pooling("mean"), dense(activation_function=activation))
    weights(tmp_path / "1_Dense", linear__weight=(8, SIZE), linear__bias=(8,))
    with pytest.raises(PackagingError, match=text):
        CONVERTER.convert(spec)


def test_weights_of_a_module_that_are_missing_are_asked_for(tmp_path: Path) -> None:
    spec = layout(tmp_path, pooling("mean"), dense())
    with pytest.raises(PackagingError, match=r"has no 1_Dense/model\.safetensors; save it"):
        CONVERTER.convert(spec)
    weights(tmp_path / "1_Dense", linear__weight=(8, SIZE))
    with pytest.raises(PackagingError, match="Missing key"):
        CONVERTER.convert(spec)


def test_a_tokenizer_without_padding_is_refused_as_the_library_does(tmp_path: Path) -> None:
    spec = gpt2(tmp_path, padded=False)
    write(
        tmp_path / "modules.json",
        [
            {"idx": 0, "name": "0", "path": "", "type": PREFIX + "Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": PREFIX + "Pooling"},
        ],
    )
    write(tmp_path / "1_Pooling" / "config.json", pooling("lasttoken")[1])
    with pytest.raises(PackagingError, match=r"has no padding token.*; set tokenizer\.pad_t"):
        CONVERTER.convert(spec)
