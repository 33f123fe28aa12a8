"""What the container reads from its environment."""

from pathlib import Path

import pytest

from lading.functions.inference.entry.container_settings import ContainerSettings


def test_without_a_word_it_is_as_sagemaker_starts_it() -> None:
    settings = ContainerSettings.from_environment({})
    assert (settings.port, settings.model_folder) == (8080, Path("/opt/ml/model"))
    assert settings.callers.longest_body == 32 << 20
    assert (settings.host, settings.keep_alive_s) == ("0.0.0.0", 75)  # noqa: S104
    assert not settings.service.models


def test_each_variable_is_read() -> None:
    told = {
        "SAGEMAKER_BIND_TO_PORT": "9000",
        "LADING_MODEL_ROOT": "/models",
        "LADING_LONGEST_BODY": "1000",
        "LADING_THREADS": "2",
        "LADING_MODELS": '{"m": {"versions": {"1": "sha256:0"}}}',
    }
    told |= {"LADING_MODEL_CONTROL": "explicit", "LADING_MANAGEMENT_PORT": "8081"}
    told |= {"LADING_MANAGEMENT_TOKEN": "0123456789abcdef", "LADING_MANAGEMENT_HOST": "10.0.0.1"}
    told |= {"LADING_LONGEST_RUN": "60", "LADING_LONGEST_LOAD": "30"}
    told |= {"LADING_HOST": "::", "LADING_KEEP_ALIVE": "120"}
    settings = ContainerSettings.from_environment(told)
    assert (settings.host, settings.keep_alive_s) == ("::", 120)
    assert (settings.management_host, settings.management_token) == ("10.0.0.1", "0123456789abcdef")
    assert (settings.longest_run_s, settings.longest_load_s) == (60, 30)
    assert (settings.explicit, settings.management_port, settings.multi_model) == (
        True,
        8081,
        False,
    )
    assert (settings.port, settings.callers.longest_body) == (9000, 1000)
    assert settings.model_folder == Path("/models")
    assert (settings.service.model_root, settings.service.threads) == ("/models", 2)
    assert [model.name for model in settings.service.models] == ["m"]


def test_browsers_get_pages_unless_the_operator_says_no() -> None:
    assert ContainerSettings.from_environment({}).pages
    assert not ContainerSettings.from_environment({"LADING_PAGES": "false"}).pages


def test_the_management_api_is_on_this_machine_only_and_wants_a_token() -> None:
    settings = ContainerSettings.from_environment(
        {"LADING_MANAGEMENT_PORT": "8081", "LADING_MANAGEMENT_TOKEN": "0123456789abcdef"}
    )
    assert settings.management_host == "127.0.0.1"
    assert "0123456789abcdef" not in repr(settings)
    for token in ({}, {"LADING_MANAGEMENT_TOKEN": "short"}):
        with pytest.raises(ValueError, match="LADING_MANAGEMENT_TOKEN must have at least 16"):
            ContainerSettings.from_environment({"LADING_MANAGEMENT_PORT": "8081", **token})


def test_truths_want_a_token_since_a_container_does_not_know_its_callers() -> None:
    accepting = {"LADING_CAPTURE": "captures", "LADING_FEEDBACK": "true"}
    with pytest.raises(ValueError, match="LADING_FEEDBACK_TOKEN must be set"):
        ContainerSettings.from_environment(accepting)
    token = {"LADING_FEEDBACK_TOKEN": "0123456789abcdef"}
    settings = ContainerSettings.from_environment(accepting | token)
    assert settings.service.capture is not None
    assert settings.service.capture.token == token["LADING_FEEDBACK_TOKEN"]


def test_of_several_workers_each_has_one_thread_for_a_model() -> None:
    settings = ContainerSettings.from_environment({"LADING_WORKERS": "2"})
    assert (settings.workers, settings.service.threads) == (2, 1)
    with pytest.raises(ValueError, match="LADING_THREADS must be 1 if LADING_WORKERS is above 1"):
        ContainerSettings.from_environment({"LADING_WORKERS": "2", "LADING_THREADS": "4"})
    with pytest.raises(ValueError, match="LADING_WORKERS must be at most 256, got 257"):
        ContainerSettings.from_environment({"LADING_WORKERS": "257"})


def test_a_connection_is_not_kept_for_days() -> None:
    with pytest.raises(ValueError, match="LADING_KEEP_ALIVE must be at most 3600, got 3601"):
        ContainerSettings.from_environment({"LADING_KEEP_ALIVE": "3601"})


@pytest.mark.parametrize(
    "name", ["SAGEMAKER_BIND_TO_PORT", "LADING_LONGEST_BODY", "LADING_KEEP_ALIVE", "LADING_WORKERS"]
)
@pytest.mark.parametrize("text", ["", "0", "-1", "8080.5", "many", "\u00b2"])
def test_a_number_that_is_none_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a whole number above 0"):
        ContainerSettings.from_environment({name: text})


def test_a_multi_model_container_has_a_folder_of_its_own() -> None:
    settings = ContainerSettings.from_environment({"SAGEMAKER_MULTI_MODEL": "true"})
    assert (settings.multi_model, settings.model_folder) == (True, Path("/opt/ml/models"))


def test_another_control_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="LADING_MODEL_CONTROL must be none or explicit"):
        ContainerSettings.from_environment({"LADING_MODEL_CONTROL": "poll"})


def test_a_port_past_the_last_is_refused() -> None:
    with pytest.raises(ValueError, match="must be a port up to 65535"):
        ContainerSettings.from_environment({"SAGEMAKER_BIND_TO_PORT": "65536"})
