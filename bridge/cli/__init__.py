"""The commands: one file each. Results go to stdout, logs and problems to stderr.

What the exit codes mean is in ``epilog``, and below each command's ``--help``.
"""

import click

from bridge import __version__
from bridge.cli.epilog import epilog
from bridge.cli.program import Listed, Program

COMMANDS = {
    "init": "Set up a bridge: ask for what it needs, write its files, try the key, and say what to do next.",
    "run": "Take pushes from game servers and send them on until stopped.",
    "check": "Validate the configuration and say what would run, or tell every problem on a line.",
    "demo": "Show everything at work: a simulated CAD, the daemon, and players who drive around and press panic.",
    "simulate": "Run a simulated Sonoran CAD until it is stopped.",
    "play": "Let synthetic players drive around and push them to a running bridge.",
    "status": "Show what a running daemon is doing.",
    "reload": "Have a running daemon read its configuration again, as SIGHUP does.",
    "outbox": "See the events on disk, try failed ones again, end waiting ones.",
}
"""Every command with the sentence that its own help begins with."""


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=epilog("cad-bridge demo", "cad-bridge init", "cad-bridge run", "cad-bridge check --help"),
)
@click.version_option(__version__, prog_name="cad-bridge")
def main() -> None:
    """Carry locations, panics and heartbeats from FiveM game servers to Sonoran CAD."""


for name, sentence in COMMANDS.items():
    main.add_command(Listed(name, sentence))
