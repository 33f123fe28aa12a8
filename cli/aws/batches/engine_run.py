"""A batch of a model at an endpoint, by jobs of SageMaker, from its input to its output."""

from time import monotonic

from lading.api.progress import OnStep
from lading.batch.engine_requests import open_engine
from lading.batch.outputs.registry import output_suffix
from lading.batch.publishing import Finished, publish, require_free, work_folder
from lading.batch.run import Batch, open_input, require_answers
from lading.batch.s3 import RemoteFiles
from lading.cli.aws.batches.engine import EngineBatch
from lading.cli.aws.batches.function_run import CloudSummary
from lading.cli.aws.batches.jobs import EngineJobs
from lading.cli.aws.batches.placing import batch_id
from lading.cli.aws.batches.requests import AskedBatch
from lading.cli.errors import VersionElsewhere


def run_on_engine(work: EngineBatch, on_step: OnStep) -> CloudSummary:
    """Run a batch by jobs, or go on with it.

    Args:
        work: the batch.
        on_step: called with the name of each step.

    Raises:
        BatchError: the input or the output cannot be used.
        CliError: AWS refused a request, or a job did not succeed.
    """
    began, files, batch = monotonic(), RemoteFiles(), work.batch
    folder = work_folder(batch.output)
    suffix = output_suffix(batch.output)
    require_version(batch, work.jobs)
    if not batch.overwrite:
        require_free(batch.output, folder, files)
    with folder.held():
        if batch.overwrite:
            folder.clear()
        source, identity = open_input(batch.source, folder, files)
        form = open_engine(batch.root, batch.model, batch.version, batch.digest)
        source.check(form.metadata)
        asked = AskedBatch(work, form, source, batch_id(batch, identity), files, on_step)
        folder.begin({"input": batch.source, "batch": asked.id})
        for alone in (False, True):
            asked.ask(alone=alone)
        on_step("collecting the answers")
        records = asked.collect(folder, suffix)
        told = asked.summary(records, monotonic() - began)
        asked.keep(folder, records, told)
        for record in records:
            require_answers(batch, folder, record)
        finished = Finished(records, form.metadata.output_names(), told.to_json())
        publish(batch.output, folder, finished, files)
        folder.end()
    return told


def require_version(batch: Batch, jobs: EngineJobs) -> None:
    """Check that the version that is deployed is the one that is asked for.

    Raises:
        VersionElsewhere: it is another one.
    """
    if jobs.engine.version != batch.version:
        raise VersionElsewhere(batch.model, batch.version, [jobs.engine.version])
