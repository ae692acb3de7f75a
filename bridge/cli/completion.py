"""The command completion."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from bridge.cli.app import app, command


@command
def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help="Your shell.")], /
) -> None:
    """Print what makes a shell complete the commands, options and values of `bridge`.

    **Examples**

        bridge completion bash > ~/.local/share/bash-completion/completions/bridge

        bridge completion zsh > ~/.zfunc/_bridge

        bridge completion fish > ~/.config/fish/completions/bridge.fish
    """
    print(app.generate_completion(prog_name="bridge", shell=shell))
