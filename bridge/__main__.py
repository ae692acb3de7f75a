"""python -m bridge, and the command bridge"""

import signal


def main() -> None:
    """Runs the command line. Ctrl-C ends it without a traceback, also while modules are imported,
    and while the interpreter is shut down."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        from bridge.cli import main as run

        run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    main()
