"""Functions in processes of their own, and what comes of a conversion."""

from __future__ import annotations

import json
import os
import signal
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bridge.errors import BridgeError, InternalError

SECONDS = 10  # of a processor, that one file may take


class TooLongError(Exception):
    """A file took more than SECONDS."""


def _too_long(*_: object) -> None:
    raise TooLongError


def outcome(verb: Callable[[Path], object], path: Path) -> str:
    signal.signal(signal.SIGPROF, _too_long)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)  # of NumPy's: a user would see it
            verb(path)
    except InternalError as error:
        if isinstance(error.__cause__, TooLongError):
            return "too long"
        print(f"{path.name}: {error}", flush=True)
        return "fault"
    except BridgeError:
        return "refused"
    except TooLongError:
        return "too long"
    except Exception as error:  # noqa: BLE001 (which is what this counts)
        print(f"{path.name}: {error!r}", flush=True)
        return "traceback"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return "done"


def in_child(function: Callable[[], Any]) -> Any:
    """What a function gives in a copy of this process; None if that ends otherwise."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        with os.fdopen(write, "w") as pipe:
            json.dump(function(), pipe)
            pipe.flush()
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else None
