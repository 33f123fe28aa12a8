"""See `model_packaging/converters/huggingface/folder.py`."""

from pathlib import Path
from typing import Any

import pytest

from lading.model_packaging.converters.huggingface.converter import CONVERTER
from lading.model_packaging.errors import PackagingError
from tests.model_packaging.converters.huggingface.test_converter import edit, save
from tests.support.frameworks import needs

pytestmark = needs("huggingface", "torch", "onnxscript", "transformers", "tokenizers")


@pytest.mark.parametrize(
    ("file", "changes", "text"),
    [
        ("config.json", {"architectures": ["LlamaForCausalLM"]}, "generates text; .* sagemaker"),
        (
            "config.json",
            {"architectures": ["BertForPreTraining"]},
            "are supported; export others to ONNX",
        ),
        ("config.json", {"vocab_size": 4}, "does not match: it has 10 tokens, the model has 4"),
        ("config.json", {"architectures": ["BertForTokenClassification"]}, "lacks weights of its"),
        ("config.json", {"id2label": {"x": 1}}, "cannot be loaded"),
        ("config.json", {"max_position_embeddings": None}, "cannot be loaded"),
        (
            "config.json",
            {"architectures": ["BertForQuestionAnswering"]},
            "are supported; export others",
        ),
        (
            "config.json",
            {"architectures": ["BertForMaskedLM"]},
            "are supported; export others to ONNX",
        ),
        ("config.json", {"sentence_transformers": {}}, "is a cross-encoder, which scores pairs"),
        (
            "config.json",
            {"quantization_config": {"bits": 4}},
            "has quantized weights: quantization_c",
        ),
        ("tokenizer_config.json", {"split_special_tokens": True}, "states split_special_tokens"),
        ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": "evil.T"}}, "auto_map in token"),
        ("tokenizer_config.json", {"tokenizer_class": "CanineTokenizer"}, "is written in Python"),
        ("adapter_config.json", {}, "contains an adapter, adapter_config.json; merge it"),
        ("config.json", {"model_type": "nonsense"}, "cannot be loaded"),
        ("config.json", {"auto_map": {"AutoModel": "evil.Model"}}, "model 'films'"),
        ("tokenizer.json", {"model": {"type": "Nonsense"}}, "cannot be loaded"),
    ],
)
def test_a_folder_that_contradicts_itself_is_one_clear_error(
    tmp_path: Path, file: str, changes: dict[str, Any], text: str
) -> None:
    spec = save(tmp_path, "BertModel")
    (tmp_path / "adapter_config.json").write_text("{}", encoding="utf-8")
    edit(tmp_path / file, **changes)
    if file != "adapter_config.json":
        (tmp_path / "adapter_config.json").unlink()
    if "auto_map" in changes:
        edit(tmp_path / "config.json", model_type="evil")
        (tmp_path / "evil.py").write_text("raise SystemExit('it ran')", encoding="utf-8")
    with pytest.raises(PackagingError, match=text) as caught:
        CONVERTER.convert(spec)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("tokenizer.json", r"has no tokenizer\.json; save it with tokenizer\.save_pretrained"),
        ("model.safetensors", r"no usable model\.safetensors; save it again"),
    ],
)
def test_a_missing_file_is_said_with_how_to_make_it(tmp_path: Path, file: str, text: str) -> None:
    spec = save(tmp_path, "BertModel")
    (tmp_path / file).unlink()
    with pytest.raises(PackagingError, match=text):
        CONVERTER.convert(spec)
