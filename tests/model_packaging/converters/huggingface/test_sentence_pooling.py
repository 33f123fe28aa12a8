"""See `model_packaging/converters/huggingface/sentence_pooling.py`."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.model_packaging.converters.huggingface.test_sentence_modules import (
    LIBRARY,
    SIZE,
    assert_right,
    encoded,
    layout,
    pooling,
    with_library,
    write,
)
from tests.model_packaging.transformers_folders import TEXTS
from tests.support.frameworks import needs

pytestmark = needs("huggingface", "torch", "onnxscript", "transformers", "tokenizers")


@with_library
@pytest.mark.parametrize(
    "options",
    [
        {"pooling_mode_mean_tokens": True},
        {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False},
        {},
        {"pooling_mode_cls_token": True, "pooling_mode_max_tokens": True},
        {"pooling_mode": "weightedmean"},
        {"pooling_mode": ["lasttoken", "mean_sqrt_len_tokens", "mean"]},
    ],
    ids=str,
)
def test_pooling_is_the_librarys(tmp_path: Path, options: dict[str, Any]) -> None:
    assert_right(layout(tmp_path, ("Pooling", {"word_embedding_dimension": SIZE, **options})))


@with_library
@pytest.mark.parametrize("include", [True, False])
@pytest.mark.parametrize("mode", ["mean", "cls", "lasttoken", "weightedmean", "max"])
def test_the_default_prompt_comes_first_and_may_be_left_out_of_the_pooling(
    tmp_path: Path, include: bool, mode: str
) -> None:
    spec = layout(tmp_path, pooling(mode, include_prompt=include))
    bare = encoded(spec, *TEXTS)
    prompts = {"query": "the food: ", "passage": "in Wien "}
    write(tmp_path / LIBRARY, {"prompts": prompts, "default_prompt_name": "query"})
    assert not np.allclose(assert_right(spec, *TEXTS), bare, atol=0.01)
