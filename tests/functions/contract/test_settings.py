"""Settings are read from the environment in one place, and refused with the variable's name."""

import pytest

from lading.functions.contract.names import S3Object
from lading.functions.contract.settings import (
    JobsPlace,
    ServedEndpoint,
    ServedModel,
    ServingSettings,
)
from lading.functions.contract.split import VersionSplit


def test_settings_survive_the_environment() -> None:
    models = (
        ServedModel("digits", {1: "sha256:a", 2: "sha256:b"}, {"stable": 1, "canary": 2}),
        ServedModel("half", {7: ""}),
        ServedModel("both", {1: "", 2: ""}, split=VersionSplit({1: 99.5, 2: 0.5}, "x-user-id")),
        ServedModel("big", {1: "sha256:c", 2: ""}, remote={2: S3Object("bucket", "key", "v")}),
    )
    settings = ServingSettings(
        models=models,
        model_root="/srv",
        threads=2,
        log_level="DEBUG",
        stage="lading-dev",
        base_path="ml",
        drift_s=0,
    )
    assert ServingSettings.from_environment(settings.to_environment()) == settings


def test_an_empty_environment_serves_nothing_from_the_layers() -> None:
    assert ServingSettings.from_environment({}) == ServingSettings(
        models=(), model_root="/opt", threads=0, log_level="INFO"
    )


@pytest.mark.parametrize(
    "models",
    [
        "",
        "no json",
        "[]",
        "5",
        '{"m": 5}',
        '{"m": {}}',
        '{"m": {"versions": {"x": ""}}}',
        '{"m": {"versions": {}}}',
        '{"m": {"versions": {"1": ""}, "s3": {"1": {"bucket": "b"}}}}',
        '{"m": {"versions": {"1": ""}, "labels": {"stable": 2}}}',
        '{"m": {"versions": {"1": ""}, "labels": {"stable": null}}}',
        '{"m": {"versions": {"1": ""}, "split": {"percents": {"1": 50, "2": 50}}}}',
        '{"m": {"versions": {"1": ""}, "split": {"percents": {"1": 0}}}}',
        '{"m": {"versions": {"1": ""}, "split": {"percents": {}}}}',
        '{"m": {"versions": {"1": ""}, "split": {"percents": {"1": "all"}}}}',
        '{"m": {"versions": {"1": ""}, "split": null}}',
    ],
)
def test_models_that_are_no_slice_of_a_lock_are_refused(models: str) -> None:
    with pytest.raises(ValueError, match="LADING_MODELS must be an excerpt of a lock"):
        ServingSettings.from_environment({"LADING_MODELS": models})


@pytest.mark.parametrize("threads", ["", "-1", "two", "1.5", "\u0663x"])
def test_threads_must_be_a_whole_number(threads: str) -> None:
    with pytest.raises(ValueError, match="LADING_THREADS must be a whole number"):
        ServingSettings.from_environment({"LADING_THREADS": threads})


@pytest.mark.parametrize(
    "endpoint",
    [
        ServedEndpoint("e"),
        ServedEndpoint("e", "component", "engine-model", "async", 12.5, 60, 1024, "f:live", "m"),
    ],
)
def test_an_endpoint_survives_the_environment(endpoint: ServedEndpoint) -> None:
    settings = ServingSettings(endpoint=endpoint, jobs=JobsPlace("b", "t"), idempotency_table="i")
    assert ServingSettings.from_environment(settings.to_environment()) == settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LADING_ENDPOINT_HOLD", "26"),
        ("LADING_ENDPOINT_HOLD", "-1"),
        ("LADING_ENDPOINT_HOLD", "nan"),
        ("LADING_ENDPOINT_HOLD", "soon"),
        ("LADING_ENDPOINT_TIME_LIMIT", "901"),
        ("LADING_ENDPOINT_PAYLOAD_LIMIT", "6 MB"),
        ("LADING_TWIN_FUNCTION", "f:live"),
        ("LADING_TWIN_MODEL", "m"),
        ("LADING_JOBS_BUCKET", "b"),
        ("LADING_JOBS_TABLE", "t"),
    ],
)
def test_an_endpoint_that_is_told_wrongly_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        ServingSettings.from_environment({"LADING_ENDPOINT": "e", name: value})
