"""As few APIs as the limits of API Gateway, CloudFormation and Lambda's environment allow."""

from lading.stacks.monitoring.signals import WatchedModel
from lading.stacks.plan.apis import (
    MOST_MODELS,
    MOST_MODELS_WITH_PAGES,
    MOST_NAME_BYTES,
    describe,
    list_models,
    plan_apis,
)
from lading.stacks.stages.settings import Names

NAMES = Names("lading", "dev")


def watched(name: str) -> WatchedModel:
    return WatchedModel(name, NAMES.function(name), error_rate=0.01, p99_ms=1000)


def test_no_models_still_have_an_api() -> None:
    (api,) = plan_apis([], NAMES)
    assert (api.number, api.suffix, api.models) == (1, "", [])


def test_one_api_serves_all_models_that_fit() -> None:
    models = [watched(f"m{number:03}") for number in range(MOST_MODELS)]
    (api,) = plan_apis(models, NAMES)
    assert api.models == models


def test_one_model_more_opens_a_second_api_and_the_plan_says_so() -> None:
    models = [watched(f"m{number:03}") for number in range(MOST_MODELS + 1)]
    apis = plan_apis(models, NAMES)
    assert [(len(api.models), api.suffix) for api in apis] == [(MOST_MODELS, ""), (1, "-2")]
    assert describe(apis).splitlines() == [
        "81 models need 2 REST APIs:",
        "  api: 80 models, m000 to m079; its /models and /v2 list only these",
        "  api-2: 1 models, m080 to m080; its /models and /v2 list only these",
    ]


def test_fewer_models_fit_where_browsers_ask_every_path_first() -> None:
    models = [watched(f"m{number:03}") for number in range(MOST_MODELS)]
    sizes = [len(api.models) for api in plan_apis(models, NAMES, pages=True)]
    assert sizes == [MOST_MODELS_WITH_PAGES, MOST_MODELS - MOST_MODELS_WITH_PAGES]


def test_a_model_added_at_the_end_moves_no_other() -> None:
    models = [watched(f"m{number:03}") for number in range(MOST_MODELS)]
    before, *_ = plan_apis(models, NAMES)
    after, *_ = plan_apis([*models, watched("a")], NAMES)
    assert before == after


def test_long_names_open_a_second_api_before_the_environment_is_full() -> None:
    models = [watched(f"{number:03}{'x' * 60}") for number in range(60)]
    apis = plan_apis(models, NAMES)
    assert len(apis) > 1
    assert all(len(list_models(api.models, NAMES)) <= MOST_NAME_BYTES for api in apis)
    assert sum(len(api.models) for api in apis) == len(models)


def test_the_front_function_is_told_a_functions_name_only_where_it_differs() -> None:
    function = NAMES.function("my.model").removeprefix("lading-dev-model-")
    told = list_models([watched("digits"), watched("my.model")], NAMES)
    assert told == f"digits,my.model={function}"
