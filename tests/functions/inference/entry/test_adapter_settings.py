"""What the processes that Lambda starts read from their environment."""

import pytest

from lading.functions.inference.entry.adapter_settings import AdapterSettings


def test_the_adapters_process_knows_its_function_and_its_port() -> None:
    told = {"AWS_LAMBDA_FUNCTION_NAME": "m", "AWS_LAMBDA_FUNCTION_VERSION": "7"}
    settings = AdapterSettings.from_environment({**told, "AWS_LWA_PORT": "9"})
    assert settings == AdapterSettings("m", "7", 9)
    assert AdapterSettings.from_environment({}) == AdapterSettings("", "", 8080)
    with pytest.raises(ValueError, match="AWS_LWA_PORT"):
        AdapterSettings.from_environment({"AWS_LWA_PORT": "web"})
