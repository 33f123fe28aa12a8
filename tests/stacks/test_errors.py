from lading.functions.contract.limits import LAMBDA, MEGABYTE
from lading.stacks.errors import LayersTooLarge, PlanError, PythonMissing


def test_a_model_that_is_too_large_is_named_with_its_largest_parts_and_the_limit() -> None:
    sizes = {name: (9 - index) * 40 * MEGABYTE for index, name in enumerate("abcdef")}
    text = str(LayersTooLarge("digits", sizes, "serve it on SageMaker"))
    assert text.startswith("model 'digits': its function and layers unpack to 1560.0 MB")
    assert f"over Lambda's {LAMBDA.unpacked_bytes // MEGABYTE} MB (largest: a 360.0 MB, b" in text
    assert "e 200.0 MB" not in text
    assert text.endswith("; serve it on SageMaker")


def test_a_missing_python_is_reported_with_the_command_that_installs_it() -> None:
    assert "`uv python install 3.13`" in str(PythonMissing("3.13"))


def test_a_plan_error_names_model_and_version() -> None:
    assert str(PlanError("digits", 3, "it is gone")) == "model 'digits', version 3: it is gone"
