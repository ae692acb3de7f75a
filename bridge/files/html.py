"""HTML pages of templates beside the modules that fill them: one file, without scripts, from which
no name of a model can break out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bridge.errors import UsageError


def rendered(
    package: str, values: Mapping[str, Any], filters: Mapping[str, Callable[..., str]] | None = None
) -> str:
    """The text of a package's page.html.jinja, with these values and filters in it.

    Raises UsageError if jinja2 is missing.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise UsageError(
            "jinja2 is needed for a page",
            received=str(error),
            hint="pip install 'caffe-bridge[report]'",
        ) from error
    environment = Environment(
        loader=PackageLoader(package, ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters or {}
    return environment.get_template("page.html.jinja").render(values)
