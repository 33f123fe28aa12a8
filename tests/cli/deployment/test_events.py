import pytest

from lading.cli.deployment.events import Event, read_event, reason_in

CREATED = (
    "shop-dev-api |  3/40 | 1:24:01 AM | CREATE_COMPLETE      | AWS::Lambda::Function | Front (F1) "
)
FAILED = (
    "shop-dev-api |  4/40 | 1:24:02 AM | CREATE_FAILED        | AWS::S3::Bucket       | Logs (L2) "
    "is in use already"
)


def test_a_line_of_the_cdk_is_an_event() -> None:
    event = read_event(CREATED)
    assert event == Event("shop-dev-api", "CREATE_COMPLETE", "AWS::Lambda::Function", "Front (F1)")
    assert event.ended
    assert not event.failed
    assert str(event) == "shop-dev-api  create complete  AWS::Lambda::Function  Front (F1)"


def test_colors_and_a_count_without_a_total_do_not_matter() -> None:
    line = "\x1b[32mshop-dev |   0 | 1:24:01 AM | DELETE_IN_PROGRESS | AWS::S3::Bucket | B\x1b[0m"
    event = read_event(line)
    assert event is not None
    assert event.status == "DELETE_IN_PROGRESS"


@pytest.mark.parametrize("line", ["", "shop-dev: deploying... [1/3]", "a | b | c"])
def test_any_other_line_is_none(line: str) -> None:
    assert read_event(line) is None


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        ("x\nerror: models.yaml is missing\nSubprocess exited: Error", "models.yaml is missing"),
        (f"{CREATED}\n{FAILED}\n ❌ shop failed", "AWS::S3::Bucket Logs (L2) is in use already"),
        (" ❌  shop failed: Error: no\n", "shop failed: Error: no"),
        ("\nwhat happened\n\n", "what happened"),
        ("", "the CDK printed nothing"),
    ],
    ids=["app.py", "a resource", "the CDK", "the last line", "nothing"],
)
def test_the_reason_is_the_line_nearest_to_the_cause(printed: str, reason: str) -> None:
    assert reason_in(printed) == reason


def test_a_reason_comes_with_what_to_do() -> None:
    printed = "❌ shop: Error: This stack: it has not been bootstrapped. Please run"
    advice = "run `lading deploy --bootstrap` once for account and region"
    assert reason_in(printed).endswith(advice)
