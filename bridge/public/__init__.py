"""What the public functions share.

arguments.py  of which kind each argument may be
options.py    the options of the conversions: their types and defaults
progress.py   how far a call has come
extras.py     how the packages of an extra are installed here
calls.py      public: holds a function to its arguments' kinds, and to one kind of exception
"""

from bridge.public.calls import PLUGIN, as_bridge_error, public

__all__ = ["PLUGIN", "as_bridge_error", "public"]
