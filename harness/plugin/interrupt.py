"""Ending early: Ctrl-C at once and without a traceback, and a word from the controller to its workers."""

import contextlib
import gc
import os
import signal
import threading
import time
from types import FrameType

import pytest

from harness.evidence.store import StoreError

PATIENCE_SECONDS = 5.0
"""For so long after a Ctrl-C another is not heard: the first one is being obeyed. Later ones count again."""
GRACE_SECONDS = 1.5
"""What a worker has to release its leases; it takes milliseconds, unless the worker is only starting."""
STOP = signal.SIGUSR1
"""What the controller sends its workers when one of them found that the evidence can't be written."""

_ELSEWHERE = "another process could not write the evidence"

_interrupted_at = -PATIENCE_SECONDS
_told = False


def once() -> None:
    """Let impatience do no harm: of several Ctrl-C within seconds, the first one counts.

    Left alone where somebody else handles interrupts, or a shell runs this in the background.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler and _may_set_handlers():
        signal.signal(signal.SIGINT, _interrupt)


def hear_controller() -> None:
    """In a worker, from its start: the controller's `STOP` is not its end."""
    if _may_set_handlers():
        signal.signal(STOP, _stop)


def heed() -> None:
    """Raise StoreError if the controller said `STOP`, and KeyboardInterrupt once more if there was one: asked after
    each level.

    What is raised where a signal arrives is lost if that is in the middle of a compilation.
    """
    if _interrupted_at > 0:
        raise KeyboardInterrupt
    if _told:
        raise StoreError(_ELSEWHERE)


def tell(pids: list[int], number: signal.Signals) -> None:
    """Send workers on this machine a signal; those that are gone need none."""
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, number)


def end(pids: list[int]) -> None:
    """Interrupt workers on this machine, and kill those that do not leave: a dead process holds no lease."""
    tell(pids, signal.SIGINT)
    if pids:
        killer = threading.Timer(GRACE_SECONDS, tell, (pids, signal.SIGKILL))
        killer.daemon = True
        killer.start()


class LeaveQuickly:
    """An interrupted run has nothing to tidy up: what pytest and Python do by themselves at its end takes seconds.

    A worker ends at once: its leases are released, and nobody waits for its results. The others are spared the
    traceback, for which pytest would parse the source behind every frame, and most of the work of taking torch apart.
    """

    def __init__(self, config: pytest.Config, worker: bool):
        self._worker = worker
        self._traces = config.getoption("fulltrace")

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Leave, or prepare to."""
        if self._worker:
            os._exit(pytest.ExitCode.INTERRUPTED)
        if not self._traces:
            del excinfo.traceback[:-1]
        gc.freeze()


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _interrupted_at
    if time.monotonic() - _interrupted_at >= PATIENCE_SECONDS:
        _interrupted_at = time.monotonic()
        raise KeyboardInterrupt


def _stop(number: int, frame: FrameType | None) -> None:
    global _told
    _told = True


def _may_set_handlers() -> bool:
    return threading.current_thread() is threading.main_thread()
