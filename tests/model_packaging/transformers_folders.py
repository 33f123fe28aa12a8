"""Tiny Hugging Face folders: weights by chance, and a tokenizer that is trained on TEXTS."""

from pathlib import Path
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.conversion import Conversion, as_bytes
from lading.model_packaging.converters.huggingface.converter import CONVERTER
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.quiet import quiet

TEXTS = (
    "the food was great and the staff friendly",
    "terrible service, never again",
    "ok",
    "Cheap but cold food in Wien",
    "a b c d e f g",
    "déjà vu 今天 😀 [SEP] naïve CAPITALS",
)
LONG = "the food was cold " * 60
SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}
_HEADS = ("classifier", "score", "classification_head")
_BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def wordpiece(folder: Path, **options: Any) -> int:
    """A tokenizer like BERT's, without a normalizer; how many tokens it has."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))  # noqa: S106 a token of text
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=120, special_tokens=_BERT)
    backend.train_from_iterator(TEXTS[:5] * 3, trainer)
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    roles = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, **(dict(zip(roles, _BERT, strict=True)) | options)
    )
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


def byte_pairs(folder: Path, special: Any = ("<|endoftext|>",), **options: Any) -> int:
    """A tokenizer like GPT-2's, which adds nothing to a text; how many tokens it has."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=list(special), initial_alphabet=alphabet
    )
    backend.train_from_iterator(TEXTS[:5] * 3, trainer)
    if special == tuple(_ROBERTA):
        backend.post_processor = _roberta()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **options)
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


def _roberta() -> Any:
    from tokenizers import processors

    special = [("<s>", 0), ("</s>", 2)]
    return processors.TemplateProcessing(single="<s> $A </s>", special_tokens=special)


def bert(folder: Path, kind: str = "BertForSequenceClassification", **options: Any) -> ModelSpec:
    """A BERT of this class whose head answers differently for different texts."""
    tokens = wordpiece(folder, model_max_length=64)
    config = {"vocab_size": tokens, "max_position_embeddings": 64, **SMALL, **options}
    return saved(folder, kind, "BertConfig", config)


def gpt2(folder: Path, *, padded: bool, **options: Any) -> ModelSpec:
    """A GPT-2 that classifies, with a token for padding or without."""
    pad = {"pad_token": "<|endoftext|>"} if padded else {}
    roles = {"eos_token": "<|endoftext|>", "bos_token": "<|endoftext|>", **pad}
    tokens = byte_pairs(folder, model_max_length=64, **roles, **options)
    sizes = {"n_positions": 64, "n_embd": 32, "n_layer": 2, "n_head": 2, "num_labels": 3}
    ends = {"eos_token_id": 0, "bos_token_id": 0, **({"pad_token_id": 0} if padded else {})}
    config = {"vocab_size": tokens, **sizes, **ends}
    return saved(folder, "GPT2ForSequenceClassification", "GPT2Config", config)


def roberta(folder: Path, **options: Any) -> ModelSpec:
    """A RoBERTa with 66 positions, of which texts get 64, and no stated longest text."""
    config = {"max_position_embeddings": 66, "num_labels": 3, "type_vocab_size": 1, **SMALL}
    config |= _framed(folder, **options)
    return saved(folder, "RobertaForSequenceClassification", "RobertaConfig", config)


def bart(folder: Path) -> ModelSpec:
    """A BART that classifies, from the end of a text."""
    sides = {f"{side}_layers": 1 for side in ("encoder", "decoder")}
    sides |= {f"{side}_attention_heads": 2 for side in ("encoder", "decoder")}
    sides |= {f"{side}_ffn_dim": 64 for side in ("encoder", "decoder")}
    config = {"d_model": 32, "max_position_embeddings": 64, "num_labels": 3, **sides}
    config |= _framed(folder, model_max_length=64)
    return saved(folder, "BartForSequenceClassification", "BartConfig", config)


def _framed(folder: Path, **options: Any) -> dict[str, int]:
    """A tokenizer like RoBERTa's, and what a configuration says of it."""
    names = ("bos_token", "pad_token", "eos_token", "unk_token", "mask_token")
    roles = dict(zip(names, _ROBERTA, strict=True)) | {"cls_token": "<s>", "sep_token": "</s>"}
    tokens = byte_pairs(folder, tuple(_ROBERTA), **roles, **options)
    return {"vocab_size": tokens, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}


def saved(folder: Path, kind: str, config: str, options: dict[str, Any]) -> ModelSpec:
    """A model of this class, with larger weights than at first, so that texts are told apart."""
    import torch
    import transformers

    torch.manual_seed(0)
    with quiet():
        model = getattr(transformers, kind)(getattr(transformers, config)(**options)).eval()
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if name.endswith("weight") and weight.ndim == 2:
                    weight.mul_(30 if name.startswith(_HEADS) else 6)
                if name.endswith("bias"):
                    weight.normal_(0, 0.1)
        model.save_pretrained(folder)
    return ModelSpec("m", folder)


def answers(spec: ModelSpec, *texts: str) -> dict[str, Array]:
    """What the packaged model answers for texts of one request."""
    return served(CONVERTER.convert(spec), *texts)


def served(conversion: Conversion, *texts: str) -> dict[str, Array]:
    """What a conversion answers for texts of one request."""
    request = {"text": as_bytes(np.array(texts))}
    return conversion.session(conversion.onnx).run(request)


def pipeline_scores(spec: ModelSpec, *texts: str, **options: Any) -> Array:
    """What the pipeline of transformers answers for each text: [texts, classes]."""
    from transformers import pipeline

    with quiet():
        pipe = pipeline("text-classification", model=str(spec.source), top_k=None, **options)
        names = pipe.model.config.id2label
        found = [pipe([text], truncation=True)[0] for text in texts]
    by_name = [{each["label"]: each["score"] for each in answer} for answer in found]
    return np.array([[scores[names[index]] for index in range(len(names))] for scores in by_name])
