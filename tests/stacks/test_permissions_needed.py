"""Each function may make the calls of AWS that it makes, and no others.

Every function of a stage with every option runs its code that calls AWS, under the environment
of its template; botocore reports the calls. Each call must be allowed by the function's role, and
each permission of the role must be needed by a call, or by Lambda itself.
"""

import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Template

from lading.functions.authorizer.grants import table_lookup
from lading.functions.authorizer.settings import token_table
from lading.functions.contract.capture import CaptureSettings
from lading.functions.contract.captured import REQUESTS, TRUTHS, object_key
from lading.functions.contract.errors import InferenceError
from lading.functions.contract.judging import JUDGE
from lading.functions.contract.names import ADAPTER, HOOK, JOBS
from lading.functions.contract.settings import ServedEndpoint, ServingSettings
from lading.functions.drift.lambda_handler import watch
from lading.functions.endpoint_check.endpoint import Wanted, keep_log, pending
from lading.functions.endpoint_check.last_word import last_word
from lading.functions.endpoint_check.settings import CheckSettings
from lading.functions.front.invocation import lambda_invoke
from lading.functions.front.settings import FrontSettings
from lading.functions.inference.app import jobs
from lading.functions.inference.app.idempotency import HEADER, Idempotent
from lading.functions.inference.artifact.remote import read_remote
from lading.functions.inference.batches import objects
from lading.functions.inference.capture.places import place_of
from lading.functions.inference.endpoint.client import Endpoint, EngineRequest
from lading.functions.inference.endpoint.job_store import EngineWork, Job, JobStore
from lading.functions.inference.endpoint.queued import AsyncEndpoint
from lading.functions.inference.endpoint.state import EndpointState
from lading.functions.inference.endpoint.twin import Twin
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.wire.messages import Observation, Request, Response
from lading.functions.judge.deployments import Deployments
from lading.functions.judge.endpoint_updates import EndpointUpdates
from lading.functions.judge.lambda_handler import judge
from lading.functions.judge.records import OwnLog
from lading.functions.judge.settings import JudgeSettings
from lading.functions.traffic_hook.lambda_handler import after_traffic, check
from lading.stacks.function.proxy import UNSTREAMED
from tests.stacks.aws_calls import Answers, Call, Key, needs, platform_needs, recorded
from tests.stacks.option_matrix import write_matrix
from tests.stacks.policies import ACCOUNT, REGION, Resolved, RolePolicies
from tests.stacks.projects import BUCKET
from tests.stacks.synthesis import synthesise

STAGE_KEY = Key(f"arn:aws:kms:{REGION}:{ACCOUNT}:key/stage", ("alias/lading-tokens-artifacts",))
OTHER_KEY = Key(f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a1b2c3d-0000-4000-8000-000000000000")

THEIR_DATA = "their-data"
LAYER_SHA256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
GOLDEN = {"tolerance": {"relative": 0, "absolute": 0}, "requests": []}
SPECIFICATION = {"string": {"content": 'CurrentVersion: "6"\nTargetVersion: "7"\n'}}
TAKEN = (400, {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"})
"""The key of a request is in the table, and the answer does not have its item."""

ANSWERS: Answers = {
    "GetDeployment": (
        200,
        {"deploymentInfo": {"revision": SPECIFICATION, "createTime": time.time()}},
    ),
    "ListDeployments": (200, {"deployments": []}),
    "StopDeployment": (200, {"status": "Succeeded"}),
    "FilterLogEvents": (200, {"events": []}),
    "GetObject": (200, GOLDEN),
    "PutObject": (200, None),
    "Invoke": (200, {"statusCode": 200, "body": "{}", "passes": True}),
    "GetLayerVersionByArn": (200, {"Content": {"CodeSha256": LAYER_SHA256}}),
    "ListVersionsByFunction": (200, {"Versions": [{"Version": "1"}]}),
    "ListAliases": (200, {"Aliases": []}),
    "DescribeEndpoint": (200, {"EndpointStatus": "InService", "EndpointConfigName": "Config"}),
    "DescribeEndpointConfig": (200, {"ProductionVariants": [{"ModelName": "Model"}]}),
    "DescribeModel": (200, {"PrimaryContainer": {"Environment": {"LADING_MODEL_VERSION": "7"}}}),
    "GetMetricData": (200, {"MetricDataResults": []}),
    "DescribeInferenceComponent": (200, {"InferenceComponentStatus": "InService"}),
    "InvokeEndpointAsync": (200, {"InferenceId": "1"}),
}


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Resolved]:
    """The stacks of models and of the API, by the name of each function in them."""
    folder = tmp_path_factory.mktemp("tokens")
    write_matrix(folder)
    (region,) = synthesise(folder, stage="tokens")
    found = (
        Resolved(Template.from_stack(stack).to_json()) for stack in (*region.models, *region.apis)
    )
    return {name: template for template in found for name in template.functions()}


def call_front(environment: Mapping[str, str], _template: Resolved) -> None:
    settings = FrontSettings.from_environment(environment)
    invoke = lambda_invoke(settings.functions, settings.alias)
    for model in settings.functions:
        invoke(model, {})


def call_authorizer(environment: Mapping[str, str], _template: Resolved) -> None:
    assert table_lookup(token_table(environment))("digest") is None


def call_check(_environment: Mapping[str, str], template: Resolved) -> None:
    check(hook_event(template), None)


def call_clean(_environment: Mapping[str, str], template: Resolved) -> None:
    after_traffic(hook_event(template), None)


UPDATING = {
    "EndpointStatus": "Updating",
    "EndpointConfigName": "Old",
    "PendingDeploymentSummary": {"EndpointConfigName": "New", "StartTime": time.time() - 300},
}


def call_judge(_environment: Mapping[str, str], template: Resolved) -> None:
    settings = JudgeSettings.from_environment()
    if settings.endpoint:
        judge({}, None)
        log = OwnLog(settings.judge)
        EndpointUpdates(settings.endpoint, settings.function, log).stop("Old/New")
        return
    deployment = hook_event(template)["DeploymentId"]
    judge({}, None)
    judge({"final": deployment}, None)
    Deployments(settings.application, settings.group).stop(deployment)


def hook_event(template: Resolved) -> dict[str, str]:
    """An event of CodeDeploy, whose deployment is named after its group."""
    groups = [name for name, it in template.resources.items() if it["Type"] == GROUP_TYPE]
    application = template.value(template.resources[groups[0]]["Properties"]["ApplicationName"])
    deployment = f"{application}/{groups[0]}"
    return {"DeploymentId": deployment, "LifecycleEventHookExecutionId": "execution"}


GROUP_TYPE = "AWS::CodeDeploy::DeploymentGroup"


def call_endpoint_check(_environment: Mapping[str, str], template: Resolved) -> None:
    (resource,) = (
        it for it in template.resources.values() if it["Type"] == "Custom::EndpointCheck"
    )
    told = template.value(resource["Properties"])
    assert pending(Wanted.from_properties({**told, "Config": "Config"})) is None
    keep_log(told["LogGroup"], int(told["LogDays"]))
    settings = CheckSettings.from_environment()
    if settings.judge:
        assert last_word(settings, "Config").passes


def call_drift(_environment: Mapping[str, str], _template: Resolved) -> None:
    assert watch({}, None) == {}


def call_service(environment: Mapping[str, str], template: Resolved) -> None:
    settings = ServingSettings.from_environment(environment)
    for model in settings.models:
        for version, place in model.remote.items():
            with contextlib.suppress(InferenceError):
                read_remote(place, model.name, version, None)
    if settings.endpoint is not None:
        call_endpoint(settings, settings.endpoint)
    if settings.capture is not None:
        capture(settings.capture)
    for name, it in template.resources.items():
        if it["Type"] == "AWS::S3::Bucket" and name.startswith("Batches"):
            answer_batch(name)


def capture(settings: CaptureSettings) -> None:
    """Keep a request, and a truth about one where truths are accepted."""
    place, key = place_of(settings), object_key(REQUESTS, "m", "id-1")
    place.put(key, b"")
    if settings.feedback:
        place.get(key)
        place.put(object_key(TRUTHS, "m", "id-1"), b"")


def answer_batch(bucket: str) -> None:
    """Read parts of the stage's own bucket and of a caller's, and write what they became."""
    objects._client.cache_clear()
    store = objects.PartObjects()
    for place, key in ((bucket, "batches/1/input/0.jsonl"), (THEIR_DATA, "rows.csv")):
        store.read(place, key)
    store.write(f"s3://{bucket}/batches/1/results/0.jsonl", b"")
    store.find(f"s3://{bucket}/batches/1/records/0.jsonl")
    objects._client.cache_clear()


def call_endpoint(settings: ServingSettings, served: ServedEndpoint) -> None:
    """Everything that a proxy asks of AWS: endpoint, twin, jobs, idempotent requests."""
    assert settings.jobs is not None
    store, job = JobStore(settings.jobs), Job("0f1e", "/predict", {}, "accepted", 1 << 40)
    request: EngineRequest[bytes] = EngineRequest(b"{}", "application/json", lambda _, body: body)
    endpoint = (AsyncEndpoint if served.mode == "async" else Endpoint)(served, "m", 1)
    EndpointState(served, lambda: endpoint._control).ask()
    if served.mode == "async":
        with contextlib.suppress(KeyError):  # the answer names no place
            endpoint.answer_in_job(EngineWork(job.id, store), request)
    else:
        endpoint.answer(request)
        list(endpoint.stream(b"{}", "application/json"))
    use_jobs(store, job, settings)
    if served.twin_function:
        with contextlib.suppress(InferenceError):
            Twin(ModelMetadata("m", 1, "", (), ()), served.twin_function).predict({})
    use_keys(settings.idempotency_table)


def use_jobs(store: JobStore, job: Job, settings: ServingSettings) -> None:
    assert settings.jobs is not None
    store.create(job)
    store.find(job.id)
    store.claim(job, int(time.time()))
    store.accept(job)
    store.submit(job, "", "")
    store.put_input(job.id, b"{}")
    store.read_input(job)
    store.read_output(f"s3://{settings.jobs.bucket}/{JOBS.results}{job.id}")
    store.finish(job, 200, {}, b"{}")
    store.upload_url(job)
    store.result_url(job)
    jobs._invoke_self(settings.jobs.function, job)


def use_keys(table: str) -> None:
    """Send a request with a key that is new, whose answer is kept, and one whose is not."""
    for status in (200, 500):
        answerer = Idempotent(table, lambda *_, status=status: Response(status, b"{}"))
        ask(answerer)


def ask(answerer: Idempotent) -> None:
    request = Request("POST", "/predict", {HEADER: "key"}, b"{}")
    answerer(request, load_catalog(ServingSettings()), Observation(), 1000)


CALLERS: Mapping[str, Callable[[Mapping[str, str], Resolved], None]] = {
    "lading.functions.front.lambda_handler.handler": call_front,
    "lading.functions.authorizer.lambda_handler.handler": call_authorizer,
    "lading.functions.traffic_hook.lambda_handler.check": call_check,
    "lading.functions.traffic_hook.lambda_handler.after_traffic": call_clean,
    "lading.functions.judge.lambda_handler.judge": call_judge,
    "lading.functions.endpoint_check.lambda_handler.check": call_endpoint_check,
    "lading.functions.drift.lambda_handler.watch": call_drift,
    "lading.functions.pages.lambda_handler.handler": lambda _environment, _template: None,
    UNSTREAMED: call_service,
    ADAPTER.handler: call_service,
}
"""Handler -> its calls of AWS; a function with another handler fails the test."""


def of_model(role: str, *models: str) -> list[str]:
    return [f"lading-tokens-{role}-{model}" for model in models]


FUNCTIONS = [
    "lading-tokens-api-front",
    "lading-tokens-api-authorizer",
    "lading-tokens-api-drift",
    "lading-tokens-api-pages",
    *of_model("model", "layered", "big", "folder", "hosted", "steady", "sleeping", "queued"),
    *of_model("check", "layered", "big", "folder", "hosted", "steady", "sleeping", "queued"),
    *of_model("clean", "layered", "queued"),
    *of_model("judge", "layered"),
    *of_model("update-judge", "steady"),
    *of_model("endpoint", "steady", "sleeping", "queued"),
]


def test_every_kind_of_function_is_tried(templates: Mapping[str, Resolved]) -> None:
    tried = {name for name in FUNCTIONS if name in templates}
    assert tried == set(FUNCTIONS)
    handlers = {
        properties["Handler"]
        for template in templates.values()
        for properties in template.functions().values()
    }
    assert handlers == CALLERS.keys()


@pytest.fixture
def calls(
    templates: Mapping[str, Resolved], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[str], list[Call]]:
    """Returns the calls that a function makes of AWS, under the environment of its template."""

    def made(function: str) -> list[Call]:
        template = templates[function]
        properties = template.functions()[function]
        environment = {
            **properties.get("Environment", {}).get("Variables", {}),
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_LAMBDA_FUNCTION_NAME": function,
            "AWS_LAMBDA_FUNCTION_VERSION": "7",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        mount_layers(environment.get(HOOK.golden, ""), tmp_path, monkeypatch)
        judges_updates = (
            JUDGE.settings in environment and '"endpoint"' in environment[JUDGE.settings]
        )
        own = {"DescribeEndpoint": (200, UPDATING)} if judges_updates else {}
        with recorded({**ANSWERS, **own}) as found:
            CALLERS[properties["Handler"]](environment, template)
        with recorded({**ANSWERS, "PutItem": TAKEN}) as more:
            if table := environment.get(JOBS.idempotency_table):
                use_keys(table)
        return [*found, *more]

    return made


def mount_layers(golden: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put golden requests where an emulator mounts the layer that contains them."""
    if golden.startswith("/opt/"):
        path = folder / golden.removeprefix("/opt/")
        path.parent.mkdir(parents=True)
        path.write_text('{"tolerance": {"relative": 0, "absolute": 0}, "requests": []}')
        monkeypatch.syspath_prepend(str(folder / "python"))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_make_its_calls_and_no_others(
    function: str, templates: Mapping[str, Resolved], calls: Callable[[str], list[Call]]
) -> None:
    policies: RolePolicies = templates[function].policies(function)
    keys = encrypted(templates[function])
    needed = [need for call in calls(function) for need in needs(call, keys)]
    needed += platform_needs(function)
    assert [need for need in needed if not policies.allows(need)] == []
    assert policies.unused() == set()


def encrypted(template: Resolved) -> dict[str, tuple[Key, ...]]:
    """The keys of each bucket and table that a stack uses: the stage's, and those of its jobs."""
    own_keys = tuple(
        Key(template.value({"Fn::GetAtt": [name, "Arn"]}))
        for name, it in template.resources.items()
        if it["Type"] == "AWS::KMS::Key"
    )
    own = {
        name: stated_keys(of) or own_keys
        for name, of in template.resources.items()
        if of["Type"] in ("AWS::S3::Bucket", "AWS::DynamoDB::Table")
    }
    known: dict[str, tuple[Key, ...]] = {
        BUCKET: (STAGE_KEY, OTHER_KEY),
        "lading-tokens-tokens": (STAGE_KEY,),
        THEIR_DATA: (),
    }
    return {**known, **own}


def stated_keys(of: Mapping[str, Any]) -> tuple[Key, ...]:
    """The key that a bucket states by its ARN, as one outside of the stack."""
    rules = of["Properties"].get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration")
    stated = [it["ServerSideEncryptionByDefault"].get("KMSMasterKeyID") for it in rules or ()]
    return tuple(Key(arn) for arn in stated if isinstance(arn, str))
