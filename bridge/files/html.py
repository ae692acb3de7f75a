"""HTML pages of templates beside the modules that fill them: one file that needs nothing else, from
which no name of a model can break out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bridge.errors import UsageError


def rendered(
    package: str, values: Mapping[str, Any], filters: Mapping[str, Callable[..., str]] | None = None
) -> str:
    """The text of a package's page.html.jinja, with these values and filters in it. It may include
    files of other packages, by their paths below bridge.

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
        loader=PackageLoader("bridge", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters or {}
    folder = package.removeprefix("bridge.").replace(".", "/")
    return environment.get_template(f"{folder}/page.html.jinja").render(values)
