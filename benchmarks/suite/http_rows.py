"""Rows about HTTP: small JSON, the dialects, pictures, texts, and a quiet neighbor."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
import onnxruntime as ort

from benchmarks.load import load, post
from benchmarks.suite import worlds
from benchmarks.suite.memory import largest
from benchmarks.suite.peers import peers
from benchmarks.suite.pinging import pinged
from benchmarks.suite.processes import Server, constant, lading, serving, serving_all, tuned
from benchmarks.suite.profile import callers_of, profile
from benchmarks.suite.rates import Asked, Plan, Rate, beside, check_answers, rates
from benchmarks.suite.rows import Row, absent, at_least, bounded, explained
from lading.functions.inference.models.session import SLOW_ON_PROCESSORS

MANY = 16
SAME_SESSION = "tuned, unfused"
INT8 = 0.02
"""How far int8 answers of MiniLM may differ if onnxruntime fuses sums with layer normalizations.

The fused kernel rounds sums differently. Activations are quantized as they come, and one that is
close to the boundary of two steps falls on the other side. That changed no answer of one packaged
file by more than 4e-8, and those of another by 0.0112. With equal sessions all answers are equal.
"""


def ceiling(plan: Plan) -> Iterator[Row]:
    """What the callers can ask at most: no server can be measured above it."""
    with serving(constant(), plan.core) as running:
        asked = {"constant": Asked(running, post("/predict", b"{}"))}
        for callers in (1, MANY):
            figure = rates(asked, callers, plan)["constant"]
            yield Row(f"the callers' own limit, {callers}", "", figure.words())


def small(plan: Plan) -> Iterator[Row]:
    """Target 1: one row of 64 numbers as JSON, at 1 and 16 connections."""
    alone, joined = worlds.digits(worlds.UNBATCHED), worlds.digits(worlds.BATCHED)
    yield Row("1 small JSON, onnxruntime alone", "", f"{_alone(alone, plan):,.0f}/s")
    body = json.dumps({"inputs": [worlds.digit()]}).encode()
    ours = [lading(alone.root, "unbatched"), lading(joined.root, "batched")]
    found, missing = peers(alone, body)
    servers = [*ours, tuned(alone.model), *(peer.server for peer in found)]
    requests = [post("/predict", body)] * 3 + [peer.request for peer in found]
    with serving_all(servers, plan.core) as running:
        asked = {
            each.server.name: Asked(each, request)
            for each, request in zip(running, requests, strict=True)
        }
        check_answers(asked)
        one, many = rates(asked, 1, plan), rates(asked, MANY, plan)
    yield _against(
        "1 small JSON, 1, unbatched", one, "unbatched", 1.2, _profile(ours[0], asked, 1, plan)
    )
    yield _against(
        "1 small JSON, 16, batched", many, "batched", 2.5, _profile(ours[1], asked, MANY, plan)
    )
    yield _against(
        "1 small JSON, 16, unbatched", many, "unbatched", 1.6, _profile(ours[0], asked, MANY, plan)
    )
    for name, reason in missing.items():
        yield absent(f"1 small JSON, {name}", reason)


def dialects(plan: Plan) -> Iterator[Row]:
    """Target 1: the same digit in five dialects, within 15 % of the fastest."""
    world = worlds.digits(worlds.UNBATCHED)
    server = lading(world.root)
    with serving(server, plan.core) as running:
        asked = {name: Asked(running, request) for name, request in _in_dialects().items()}
        check_answers(asked)
        for callers in (1, MANY):
            figures = rates(asked, callers, plan)
            fastest, slowest = (
                pick(figures, key=lambda name: figures[name].rate) for pick in (max, min)
            )
            ratio = figures[slowest].rate / figures[fastest].rate
            label = f"1 dialects, {callers}"
            figure = ", ".join(f"{it} {figures[it].rate:,.0f}/s" for it in (slowest, fastest))
            yield at_least(label, figure, ratio, 0.85, beside(figures))


def _in_dialects() -> dict[str, bytes]:
    row, name = worlds.digit(), "digits"
    tensor = {"name": "X", "shape": [1, 64], "datatype": "FP32", "data": row}
    bodies: dict[str, tuple[str, Any]] = {
        "plain": ("/predict", {"inputs": [row]}),
        "v2": (f"/v2/models/{name}/infer", {"inputs": [tensor]}),
        "TF Serving": (f"/v1/models/{name}:predict", {"instances": [row]}),
        "TorchServe": (f"/predictions/{name}", [row]),
        "SageMaker": ("/invocations", {"instances": [row]}),
    }
    return {key: post(path, json.dumps(body).encode()) for key, (path, body) in bodies.items()}


def pictures(plan: Plan) -> Iterator[Row]:
    """Target 2: a picture's tensor as JSON of 3 MB, and in binary form."""
    world = worlds.image()
    ours = lading(world.root)
    for name, request, limit in (
        ("2 image, 3 MB JSON", worlds.picture_json(), 2.4),
        ("2 image, binary", worlds.picture_binary(), 1.35),
    ):
        with serving_all([ours, tuned(world.model)], plan.core) as running:
            asked = {each.server.name: Asked(each, request) for each in running}
            check_answers(asked)
            for callers in (1, MANY):
                figures, why = rates(asked, callers, plan), _profile(ours, asked, callers, plan)
                yield _against(f"{name}, {callers}", figures, "lading", limit, why)


def texts(plan: Plan) -> Iterator[Row]:
    """Target 2: a sentence for MiniLM in int8, alone and batched."""
    alone, joined = worlds.minilm(worlds.UNBATCHED), worlds.minilm(worlds.BATCHED)
    if alone is None or joined is None:
        yield absent("2 MiniLM", "its weights are not installed; run `make frameworks`")
        return
    same = tuned_texts(alone, WITHOUT=" ".join(SLOW_ON_PROCESSORS))._replace(name=SAME_SESSION)
    ours = [lading(alone.root, "unbatched"), lading(joined.root, "batched")]
    servers = [*ours, same, tuned_texts(alone)]
    request = post("/predict", json.dumps({"inputs": [worlds.SENTENCE]}).encode())
    with serving_all(servers, plan.core) as running:
        asked = {each.server.name: Asked(each, request) for each in running}
        check_answers({name: it for name, it in asked.items() if name != "tuned"})
        check_answers(asked, tolerance=INT8)
        for callers, name, limit in ((1, "unbatched", 0.97), (MANY, "batched", 1.2)):
            figures = rates(asked, callers, plan)
            server = next(each for each in servers if each.name == name)
            why = _profile(server, asked, callers, plan)
            yield _against(f"2 MiniLM int8, {callers}, {name}", figures, name, limit, why)


def tuned_texts(world: worlds.World, **environment: str) -> Server:
    """Return the tuned server with the tokenizer of a packaged model."""
    (step,) = json.loads((world.folder / "artifact.json").read_text())["processing"]
    tokenizer, longest = str(world.folder / step["file"]), str(step["max_length"])
    return tuned(world.model, TOKENIZER=tokenizer, MAX_LENGTH=longest, **environment)


def neighbor(plan: Plan) -> Iterator[Row]:
    """Target 3: `/ping` while 16 callers load the same server."""
    text = worlds.minilm(worlds.UNBATCHED)
    body = json.dumps({"inputs": [worlds.digit()]}).encode()
    sentence = post("/predict", json.dumps({"inputs": [worlds.SENTENCE]}).encode())
    cases = [
        ("digits", worlds.digits(worlds.UNBATCHED), post("/predict", body), 5.0),
        ("3 MB JSON images", worlds.image(), worlds.picture_json(), 10.0),
    ]
    if text is not None:
        cases.insert(1, ("MiniLM", text, sentence, 5.0))
    for name, world, request, limit in cases:
        other = tuned_texts(world) if name == "MiniLM" else tuned(world.model)
        found = {}
        for server in (lading(world.root), other):
            with serving(server, plan.core) as running:
                load(running.port, request, MANY, 0.4)
                times = pinged(running.port, request, MANY, plan.seconds * plan.rounds)
            found[server.name] = np.percentile(times, [50, 99]) * 1000
        words = {key: f"p50 {p50:.2f}, p99 {p99:.2f} ms" for key, (p50, p99) in found.items()}
        p99 = found["lading"][1]
        wanted, note = f"p99 at most {limit:g} ms", f"tuned {words['tuned']}"
        label, figure = f"3 /ping beside {name}", words["lading"]
        row = bounded(label, wanted, figure, met=p99 <= limit, note=note)
        yield explained(row, partial(profile, lading(world.root), callers_of(request, MANY)))


def memory(plan: Plan) -> Iterator[Row]:
    """Target 4: memory after load."""
    world = worlds.digits(worlds.UNBATCHED)
    request = post("/predict", json.dumps({"inputs": [worlds.digit()]}).encode())
    with serving_all([lading(world.root), tuned(world.model)], plan.core) as (ours, other):
        for each in (ours, other):
            load(each.port, request, MANY, plan.seconds)
        pss, others = ours.pss_mib(), other.pss_mib()
        places = largest(ours.pids())
        rss = f"RSS {ours.rss_mib():.0f} and {other.rss_mib():.0f} MiB"
    figure = f"{pss:.0f} MiB PSS, tuned {others:.0f}"
    met = pss <= others + 10
    row = bounded("4 memory after load", "tuned + 10 MiB", figure, met=met, note=rss)
    yield explained(row, lambda: places)


def _alone(world: worlds.World, plan: Plan) -> float:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(world.model), options, providers=["CPUExecutionProvider"])
    feeds = {session.get_inputs()[0].name: np.array([worlds.digit()], np.float32)}
    count, started = 0, perf_counter()
    while (spent := perf_counter() - started) < plan.seconds:
        session.run(None, feeds)
        count += 1
    return count / spent


def _profile(
    server: Server, asked: Mapping[str, Asked], callers: int, plan: Plan
) -> Callable[[], str] | None:
    if plan.quick:
        return None
    return partial(profile, server, callers_of(asked[server.name].request, callers))


def _against(
    label: str, figures: Mapping[str, Rate], name: str, limit: float, why: Callable[[], str] | None
) -> Row:
    """Return the row of one of our servers against the tuned one, with a profile if it misses."""
    ours = figures[name]
    ratio = ours.rate / figures["tuned"].rate
    row = at_least(label, ours.words(), ratio, limit, beside(figures, name))
    return explained(row, why)
