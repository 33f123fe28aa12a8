"""The originals of Hugging Face folders: the pipelines of transformers, and sentence-transformers.

Each accepts what a caller sends, and answers through the library's own public call, each text and
each image by itself, so that no answer depends on the rest of the batch. They run in float32 on the
CPU, whatever precision the weights were saved in. If sentence-transformers is not installed, the
original of its folders is the torch module that was exported, after the pipeline of transformers
that returns a text's states.
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from io import BytesIO
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.conversion import as_bytes
from lading.model_packaging.converters.framework_errors import refusing
from lading.model_packaging.converters.huggingface.heads import Head
from lading.model_packaging.converters.huggingface.tokens import TEXT, Tokenization
from lading.model_packaging.converters.huggingface.transformers_models import loading
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.steps.image_rows import IMAGE


def has_sentence_transformers() -> bool:
    """Return whether the library is installed."""
    return find_spec("sentence_transformers") is not None


def classifies_texts(model: Any, head: Head, tokens: Tokenization) -> Model:
    """Return the original of a text classifier."""
    rank = _ranking(_pipeline("text-classification", model, tokenizer=_cutting(tokens)), head)

    def reference(inputs: dict[str, Array]) -> dict[str, Array]:
        return rank(_texts(inputs), truncation=True)

    return refusing(reference)


def classifies_images(model: Any, head: Head, processor: Any) -> Model:
    """Return the original of an image classifier; its processor is the one for Pillow."""
    from PIL.Image import open as open_image

    rank = _ranking(_pipeline("image-classification", model, image_processor=processor), head)

    def reference(inputs: dict[str, Array]) -> dict[str, Array]:
        return rank([open_image(BytesIO(file)) for file in inputs[IMAGE]])

    return refusing(reference)


def _pipeline(task: str, model: Any, **parts: Any) -> Any:
    """Return the pipeline of transformers, of parts that transformers loaded."""
    from transformers import pipeline

    return pipeline(task, model=model, device="cpu", **parts)


def _cutting(tokens: Tokenization) -> Any:
    """Return the tokenizer of transformers, set to cut texts where the step does."""
    tokens.tokenizer.model_max_length = tokens.max_length
    return tokens.tokenizer


def _ranking(pipe: Any, head: Head) -> Callable[..., dict[str, Array]]:
    """Return a function that returns a pipeline's `label`, `score` and `probabilities` for rows.

    The pipeline's labels are set to numbers, since two classes may have the same name.
    """
    count = len(head.labels)
    pipe.model.config.id2label = {index: str(index) for index in range(count)}
    chosen = {"function_to_apply": head.stated} if head.stated else {}

    def rank(rows: Sequence[Any], **options: Any) -> dict[str, Array]:
        answers = pipe(list(rows), top_k=count, **chosen, **options)
        order = np.array([[int(each["label"]) for each in answer] for answer in answers])
        scores = np.array([[each["score"] for each in answer] for answer in answers], np.float32)
        probabilities = np.empty_like(scores)
        np.put_along_axis(probabilities, order, scores, axis=-1)
        top: Any = slice(head.top) if head.top > 1 else 0
        label = as_bytes(np.array(head.labels)[order[:, top]])
        return {"label": label, "score": scores[:, top], "probabilities": probabilities}

    return rank


def classifies_tokens(model: Any, head: Head, tokens: Tokenization) -> Model:
    """Return the original of a token classifier.

    The pipeline answers for the tokens of the text; the logits of those that the tokenizer adds are
    taken from the model as it runs. What pads a text has scores of 0, and so the first label.
    """
    pipe = _pipeline("token-classification", model, tokenizer=_cutting(tokens))
    pipe.model.config.id2label = {index: str(index) for index in range(len(head.labels))}

    def reference(inputs: dict[str, Array]) -> dict[str, Array]:
        found = [_tokens(pipe, text) for text in _texts(inputs)]
        longest = max(len(scores) for scores, _ in found)
        probabilities = np.stack([_padded(scores, longest) for scores, _ in found])
        best = probabilities.argmax(axis=-1)
        return {
            "label": as_bytes(np.array(head.labels)[best]),
            "score": probabilities.max(axis=-1),
            "probabilities": probabilities,
            "offsets": np.stack([_padded(offsets, longest) for _, offsets in found]),
        }

    return refusing(reference)


def _tokens(pipe: Any, text: str) -> tuple[Array, Array]:
    """Return scores [tokens, classes] and offsets [tokens, 2] of one text."""
    caught: list[Any] = []
    hook = pipe.model.register_forward_hook(lambda *called: caught.append(called[-1].logits))
    try:
        entities = pipe(text, ignore_labels=[])
    finally:
        hook.remove()
    scores = _softmax(caught[0][0].numpy())
    offsets: Array = np.zeros((len(scores), 2), np.int64)
    for entity in entities:
        place = entity["index"]
        offsets[place] = entity["start"], entity["end"]
        if scores[place].max() != entity["score"]:
            raise ValueError(f"token {place} of {text[:40]!r} has two scores")
    return scores, offsets


def _softmax(logits: Array) -> Array:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    scores: Array = powers / powers.sum(axis=-1, keepdims=True)
    return scores


def _padded(array: Array, length: int) -> Array:
    return np.pad(array, ((0, length - len(array)), (0, 0)))


def averages_states(model: Any, tokens: Tokenization) -> Model:
    """Return the original of an encoder: the normalized mean of its tokens' states."""
    import torch

    def mean(states: Any, mask: Any) -> Any:  # noqa: ARG001 - every pool has a mask
        return torch.nn.functional.normalize(states.mean(1), dim=-1)

    return embeds_by_states(model, tokens, mean)


def embeds_by_states(model: Any, tokens: Tokenization, pool: Callable[[Any, Any], Any]) -> Model:
    """Return an original: `pool` of the states that the pipeline returns for a text's tokens."""
    import torch

    pipe = _pipeline("feature-extraction", model, tokenizer=_cutting(tokens))
    prompt = tokens.options["prompt"]

    def vector(text: str) -> Array:
        states = pipe(prompt + text, truncation=True, return_tensors=True)
        with torch.no_grad():
            found: Array = pool(states, torch.ones(states.shape[:2], dtype=torch.int64)).numpy()
        return found

    def reference(inputs: dict[str, Array]) -> dict[str, Array]:
        return {"embedding": np.concatenate([vector(text) for text in _texts(inputs)])}

    return refusing(reference)


def encodes_sentences(spec: ModelSpec, max_length: int) -> Model:
    """Return the original of a folder of sentence-transformers: the library's `encode`."""
    import torch
    from sentence_transformers import SentenceTransformer

    with loading(spec):
        model = SentenceTransformer(
            str(spec.source),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"dtype": torch.float32, "use_safetensors": True},
        )
    model.max_seq_length = max_length

    def reference(inputs: dict[str, Array]) -> dict[str, Array]:
        texts = _texts(inputs)
        return {"embedding": model.encode(texts, batch_size=1, show_progress_bar=False)}

    return refusing(reference)


def _texts(inputs: dict[str, Array]) -> list[str]:
    return [text.decode() for text in inputs[TEXT]]
