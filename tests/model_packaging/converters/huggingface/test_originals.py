"""See `model_packaging/converters/huggingface/originals.py`."""

from pathlib import Path

import numpy as np

from lading.model_packaging.conversion import as_bytes
from lading.model_packaging.converters.huggingface.originals import embeds_by_states
from lading.model_packaging.converters.huggingface.sentence_modules import (
    read_sentences,
    sentence_module,
)
from lading.model_packaging.converters.huggingface.tokens import load_tokenizer, tokenization
from lading.model_packaging.converters.huggingface.transformers_models import load_model
from tests.model_packaging.converters.huggingface.test_sentence_modules import (
    LIBRARY,
    encoded,
    layout,
    pooling,
    with_library,
    write,
)
from tests.model_packaging.transformers_folders import LONG, TEXTS
from tests.support.frameworks import needs

pytestmark = needs("huggingface", "torch", "onnxscript", "transformers", "tokenizers")


@with_library
def test_without_the_library_the_original_is_made_of_the_pipelines_states(tmp_path: Path) -> None:
    spec = layout(tmp_path, pooling("mean", "max"), ("Normalize", {}))
    write(tmp_path / LIBRARY, {"prompts": {"q": "the food: "}, "default_prompt_name": "q"})
    sentences, model = read_sentences(spec), load_model(spec, "AutoModel")
    tokens = tokenization(spec, load_tokenizer(spec), model, prompt=sentences.prompt)
    vectors = sentence_module(spec, sentences, tokens.prompt_length)
    original = embeds_by_states(model, tokens, vectors)
    found = original({"text": as_bytes(np.array((*TEXTS, LONG)))})["embedding"]
    np.testing.assert_allclose(found, encoded(spec, *TEXTS, LONG), rtol=1e-4, atol=1e-5)
