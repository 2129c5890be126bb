"""The commands: one file each. Results go to stdout, logs and problems to stderr.

Exit codes: 0 well, 1 it did not work, 2 the configuration or the command line cannot be used.
"""

import click

from bridge import __version__
from bridge.cli.check import check
from bridge.cli.demo import demo
from bridge.cli.init import init
from bridge.cli.outbox import outbox
from bridge.cli.play import play
from bridge.cli.program import Program
from bridge.cli.reload import reload
from bridge.cli.run import run
from bridge.cli.simulate import simulate
from bridge.cli.status import status


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cad-bridge")
def main() -> None:
    """Carry locations, panics and heartbeats from FiveM game servers to Sonoran CAD."""


for command in (init, run, check, demo, simulate, play, status, reload, outbox):
    main.add_command(command)
