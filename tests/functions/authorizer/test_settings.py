"""The authorizer's setting."""

import pytest

from lading.functions.authorizer.settings import base_path, token_table
from lading.functions.contract.names import TOKENS


def test_the_table_of_tokens_is_named_by_the_environment() -> None:
    assert token_table({TOKENS.table: "lading-dev-tokens"}) == "lading-dev-tokens"


def test_without_the_variable_the_function_does_not_start() -> None:
    with pytest.raises(KeyError, match=TOKENS.table):
        token_table({})


def test_the_base_path_is_that_of_the_environment() -> None:
    assert base_path({}) == ""
    assert base_path({"LADING_BASE_PATH": "ml"}) == "ml"
