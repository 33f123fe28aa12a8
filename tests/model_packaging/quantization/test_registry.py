from typing import get_args

from lading.model_packaging.manifest.options import Scheme
from lading.model_packaging.quantization.registry import SCHEMES


def test_there_is_a_scheme_for_each_word_of_the_manifest() -> None:
    assert sorted(SCHEMES) == ["dynamic", "fp16", "int4", "int8", "static"]
    assert set(get_args(Scheme)) == {*SCHEMES, "none", "auto"}
