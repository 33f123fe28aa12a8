"""Workers ask each other over sockets that outlive them."""

import copy
import os
import threading
from typing import Any

import pytest

from lading.functions.inference.entry.peers import Peers, PeerSilent, ask_all


def team(*answers: dict[str, Any]) -> list[Peers]:
    """Workers of this process, each with its answers."""
    first = Peers(len(answers))
    every = [copy.copy(first) for _ in answers]
    for number, (peers, known) in enumerate(zip(every, answers, strict=True)):
        peers.answer(number, known)
    return every


def test_every_other_worker_answers_a_question() -> None:
    workers = team(*({"double": lambda it, number=number: [number, 2 * it]} for number in range(3)))
    assert workers[1].ask("double", 4) == [[0, 8], [2, 8]]


def test_several_questions_find_the_same_worker() -> None:
    workers = team({}, {"thread": lambda _: threading.get_ident()})
    with workers[0].talk(5) as others:
        first, second = ask_all(others, "thread"), ask_all(others, "thread")
    assert first == second


def test_a_question_waits_for_the_worker_that_takes_the_place_of_one_that_ended() -> None:
    first = Peers(2)
    second = copy.copy(first)
    found: list[Any] = []
    asking = threading.Thread(target=lambda: found.append(first.ask("pid")))
    asking.start()
    second.answer(1, {"pid": lambda _: os.getpid()})
    asking.join()
    assert found == [[os.getpid()]]


def test_a_worker_that_ends_before_it_answers_is_told_of() -> None:
    workers = team({}, {"fail": lambda _: (_ for _ in ()).throw(OSError("broken"))})
    with pytest.raises(PeerSilent, match="worker 1 does not answer: it has ended"):
        workers[0].ask("fail")


def test_another_users_process_is_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = team({}, {"secret": lambda _: 1})
    monkeypatch.setattr(os, "getuid", lambda: 1 << 30)
    with pytest.raises(PeerSilent):
        workers[0].ask("secret")
