"""Searches for the best parameters on this machine: Optuna proposes, each trial is a training.

Optuna's journal is the file `search-<key>.log` in the folder of the model's trainings. A search
that was stopped continues: trials that ended count, and the one that was running is tried again.
Only the best trial's model is kept.
"""

import logging
import math
import shutil
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lading.model_packaging.documents import readable
from lading.model_packaging.manifest.training import Scalar, SearchRange, SearchSpec
from lading.model_packaging.store.durable import exclusive, make_folder, replace_file
from lading.training.channels import Objects
from lading.training.errors import ScriptFailed, TrainingError
from lading.training.local import train_here
from lading.training.output import OnLine
from lading.training.recipe import Recipe
from lading.training.runs import RECORD, Run, find_run, folder_of, run_of

_SEED = 0


def search_here(recipe: Recipe, objects: Objects, on_line: OnLine) -> Run:
    """Try parameters until the search is complete; return the best training.

    A trial whose script fails counts as a trial without a result.

    Args:
        recipe: the recipe of the search.
        objects: the way to S3, for channels there.
        on_line: called with each line of the trials' output.

    Raises:
        TrainingError: Optuna is not installed, or no trial succeeded.
        ScriptFailed: the first trial failed.
    """
    search = recipe.train.search
    assert search is not None
    folder = folder_of(recipe.spec)
    make_folder(folder)
    with exclusive(folder / f".{recipe.key[7:23]}.guard"):
        if known := find_run(recipe):
            return known
        study = _study(recipe, search)
        _try_again(study)
        while (number := len(_ended(study))) < search.trials:
            on_line(f"trial {number + 1} of {search.trials}")
            _run_trial(study, recipe, search, objects, on_line)
        if not _succeeded(study):
            reason = f"none of {search.trials} trials succeeded; correct the script or the ranges"
            raise TrainingError(recipe.spec.place("train.search"), reason)
        best = train_here(trial_of(recipe, study.best_trial.params), objects, on_line)
        assert math.isfinite(study.best_value)
        ended = len(_ended(study))
        return finish(recipe, best, ended, ended - len(_succeeded(study)))


def _study(recipe: Recipe, search: SearchSpec) -> Any:
    try:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
    except ImportError:
        reason = "needs Optuna; install it with `make training`, or pip install 'lading[train]'"
        raise TrainingError(recipe.spec.place("train.search"), reason) from None
    logging.getLogger("optuna").setLevel(logging.WARNING)
    journal = folder_of(recipe.spec) / f"search-{recipe.key[7:23]}.log"
    return optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(journal))),
        study_name=recipe.key,
        direction=search.goal,
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=_SEED + _started(recipe)),
    )


def _started(recipe: Recipe) -> int:
    """Return the size of the journal: a continued search must not propose the same again."""
    journal = folder_of(recipe.spec) / f"search-{recipe.key[7:23]}.log"
    return journal.stat().st_size if journal.exists() else 0


def _ended(study: Any) -> list[Any]:
    return [each for each in study.trials if each.state.is_finished() and not _was_killed(each)]


def _succeeded(study: Any) -> list[Any]:
    return [each for each in study.trials if each.state.name == "COMPLETE"]


def _was_killed(trial: Any) -> bool:
    return bool(trial.user_attrs.get("killed"))


def _try_again(study: Any) -> None:
    """Propose the parameters of a trial that was running when the search was stopped once more."""
    from optuna.trial import TrialState

    for each in study.trials:
        if each.state == TrialState.RUNNING:
            study._storage.set_trial_user_attr(each._trial_id, "killed", True)  # noqa: SLF001 - Optuna has no public way
            study.tell(each.number, state=TrialState.FAIL)
            study.enqueue_trial(each.params)


def _run_trial(
    study: Any, recipe: Recipe, search: SearchSpec, objects: Objects, on_line: OnLine
) -> None:
    from optuna.trial import TrialState

    trial = study.ask()
    proposed = {name: _propose(trial, name, each) for name, each in search.ranges.items()}
    on_line(", ".join(f"{name} {value}" for name, value in proposed.items()))
    try:
        run = train_here(trial_of(recipe, proposed), objects, on_line)
    except ScriptFailed:
        study.tell(trial, state=TrialState.FAIL)
        if not _succeeded(study):
            raise
        on_line("this trial failed")
        return
    study.tell(trial, run.record()["metrics"][search.metric])
    _keep_best(study, trial, recipe, run)


def _keep_best(study: Any, trial: Any, recipe: Recipe, run: Run) -> None:
    """Remove the model of this trial or of the one that it beats."""
    if study.best_trial.number != trial.number:
        if study.best_trial.params != trial.params:
            shutil.rmtree(run.folder)
        return
    for each in _succeeded(study):
        beaten = find_run(trial_of(recipe, each.params))
        if beaten and each.params != trial.params:
            shutil.rmtree(beaten.folder)


def _propose(trial: Any, name: str, each: SearchRange) -> Scalar:
    if each.values:
        value: Scalar = trial.suggest_categorical(name, list(each.values))
        return value
    if each.whole:
        number: int = trial.suggest_int(name, each.low, each.high, log=each.log)
        return number
    share: float = trial.suggest_float(name, each.low, each.high, log=each.log)
    return share


def trial_of(recipe: Recipe, proposed: Mapping[str, Scalar]) -> Recipe:
    """Return the recipe of one trial: an ordinary training."""
    return replace(recipe, parameters={**recipe.parameters, **proposed}, search=None)


def finish(recipe: Recipe, best: Run, trials: int, failed: int) -> Run:
    """Make the best trial the result of a search.

    Args:
        recipe: the recipe of the search.
        best: the complete training of the best trial.
        trials: the number of trials that have ended.
        failed: how many of them have no result.
    """
    search = recipe.train.search
    assert search is not None
    about = {
        "trials": trials,
        "failed": failed,
        "metric": search.metric,
        "goal": search.goal,
        "ranges": recipe.search,
    }
    record = {**best.record(), "key": recipe.key, "search": about}
    replace_file(best.folder / RECORD, readable(record))
    done = run_of(recipe)
    best.folder.rename(done.folder)
    return done
