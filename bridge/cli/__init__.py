"""Commands and flags. No logic: each command calls one function of the package and prints.

Exit status: 0 done and checked, 1 converted but the check failed, 2 the input or the call is at
fault, 3 bridge itself is, 4 `check` cannot tell, or there is no Keras to check a conversion with.
Results go to standard output; warnings, errors and progress to standard error.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import traceback
from collections.abc import Sequence
from io import TextIOWrapper
from typing import NoReturn

from cyclopts import CycloptsError

from bridge.cli import back as back  # importing commands adds them to the app
from bridge.cli import check as check
from bridge.cli import completion as completion
from bridge.cli import convert as convert
from bridge.cli import explain as explain
from bridge.cli import folder as folder
from bridge.cli import inspect as inspect
from bridge.cli import layers as layers
from bridge.cli import predict as predict
from bridge.cli.app import app
from bridge.cli.mistakes import usage_error
from bridge.cli.show import show_warnings
from bridge.errors import BridgeError

__all__ = ["app", "main"]


def fail(error: BridgeError, *, as_json: bool = False) -> NoReturn:
    show_warnings(error.warnings)
    if os.environ.get("BRIDGE_TRACEBACK"):
        traceback.print_exception(error)
    print(f"error: {error}", file=sys.stderr)
    if as_json:
        print(json.dumps(error.as_dict(), indent=1, ensure_ascii=False))
    raise SystemExit(error.exit_status)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line; every refusal is one message and an exit status."""
    # A conversion ends soon, and what it drops goes at once, for little of it refers to itself. By
    # default Python looks for what does every 700 objects: a tenth of a run with Keras.
    gc.set_threshold(100_000, 50, 50)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names may be any bytes
    try:
        app(arguments, exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except CycloptsError as error:
        fail(usage_error(error))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        # The reader, such as `head`, has closed the pipe, so the flush at exit must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None
    except Exception as error:  # noqa: BLE001 (reported, with its own exit status)
        from bridge.public import as_bridge_error

        refusal = as_bridge_error(error)
        if refusal is not error:
            refusal.__cause__ = error
        fail(refusal, as_json="--json" in (sys.argv if arguments is None else arguments))
