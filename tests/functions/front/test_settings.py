import json

from lading.functions.front.settings import FrontSettings
from tests.support.interpreter import proxy_event, run_clean

ENVIRONMENT = {
    "LADING_FUNCTION_PREFIX": "lading-dev-model-",
    "LADING_FUNCTIONS": "digits,my.model=my-model-1f0c2a3b",
    "LADING_ALIAS": "live",
}

START = """
import json, sys
from lading.functions.front import lambda_handler
loaded = sorted({name.partition(".")[0] for name in sys.modules} & set(json.loads(sys.argv[2])))
print(json.dumps({"loaded": loaded}))
print(json.dumps(lambda_handler.handler(json.loads(sys.argv[1]), None)))
"""


def test_functions_are_named_after_their_models_unless_it_says_otherwise() -> None:
    settings = FrontSettings.from_environment(ENVIRONMENT)
    assert settings.alias == "live"
    assert settings.functions == {
        "digits": "lading-dev-model-digits",
        "my.model": "lading-dev-model-my-model-1f0c2a3b",
    }


def test_no_models_are_no_functions() -> None:
    assert FrontSettings.from_environment({**ENVIRONMENT, "LADING_FUNCTIONS": ""}).functions == {}


def test_pages_may_ask_only_where_it_says_so() -> None:
    assert FrontSettings.from_environment(ENVIRONMENT).origins == ()
    told = {**ENVIRONMENT, "LADING_CORS": "https://a.example,http://b.example"}
    assert FrontSettings.from_environment(told).origins == ("https://a.example", "http://b.example")


def test_the_base_path_is_that_of_the_environment() -> None:
    assert FrontSettings.from_environment(ENVIRONMENT).base_path == ""
    assert (
        FrontSettings.from_environment({**ENVIRONMENT, "LADING_BASE_PATH": "ml"}).base_path == "ml"
    )


def test_the_entry_answers_a_warm_up_without_calling_a_model() -> None:
    (*_, answered) = run_clean(START, ENVIRONMENT, json.dumps({"warmer": True}), "[]")
    assert answered == {"warm": True}


def test_the_entry_answers_by_itself_without_an_aws_library() -> None:
    event = json.dumps(proxy_event("GET", "/v2/health/live"))
    heavy = json.dumps(["boto3", "botocore", "numpy", "onnxruntime", "starlette"])
    started, answered = run_clean(START, ENVIRONMENT, event, heavy)
    assert started["loaded"] == []
    assert json.loads(answered["body"]) == {"live": True}
