"""Runs one step of a retraining's builds; the buildspec in `stacks/retraining/` has the commands.

    python -m lading.training.retraining.steps prepare churn --work s3://work --store s3://store
    python -m lading.training.retraining.steps collect churn --key sha256:… --job '{…}'
    python -m lading.training.retraining.steps conclude churn

`prepare` and `conclude` print one JSON document, which the state machine reads. An error of the
script, of the data or of the gate is part of it; any other error ends the build.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from lading.model_packaging.errors import PackagingError
from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from lading.model_packaging.store.versions import open_store
from lading.training.retraining.build import (
    Document,
    Workplace,
    collect,
    conclude,
    failure,
    prepare,
)
from lading.training.s3 import S3Objects


def main(arguments: Sequence[str]) -> int:
    """Run one step; return the exit code."""
    options, place = _parser().parse_args(arguments), Workplace()
    try:
        (spec,) = load_manifest(Path("models.yaml")).select([options.model])
        found = _run(spec, options, place)
    except PackagingError as error:
        sys.stderr.write(f"error: {error}\n")
        found = failure(error)
        if options.step == "collect":
            place.failure.write_text(json.dumps(found), encoding="utf-8")
            return 1
    if options.step != "collect":
        sys.stdout.write(f"{json.dumps(found)}\n")
    return 0


def _run(spec: ModelSpec, options: argparse.Namespace, place: Workplace) -> Document:
    objects = S3Objects(spec.place("train"))
    if options.step == "prepare":
        return prepare(spec, objects, options.work, place.lock, open_store(options.store))
    if options.step == "conclude":
        return conclude(spec, place)
    collect(spec, objects, options.key, json.loads(options.job), place)
    return {}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    steps = parser.add_subparsers(dest="step", required=True)
    for name, needed in (
        ("prepare", ("--work", "--store")),
        ("collect", ("--key", "--job")),
        ("conclude", ()),
    ):
        step = steps.add_parser(name)
        step.add_argument("model")
        for option in needed:
            step.add_argument(option, required=True)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
