"""What a run is doing, told to whoever listens. The assets announce; `pql run` shows it, a test can collect it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str], None]

_listeners: list[Listener] = []


def announce(message: str) -> None:
    """Tell every listener in this process."""
    for listener in _listeners:
        listener(message)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call `listener` with each announcement while inside."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
