"""The life of a daemon that lives long: configured anew again and again, and never ended."""

import sys
from pathlib import Path
from typing import Any

from tests.chaos.ledger import Ledger
from tests.chaos.life import Life
from tests.soak.holdings import Witness, command
from tests.support.process import LEASH, MEMORY_BYTES

TOLD = "told"


class LongLife(Life):
    """A daemon with a witness; ``seconds`` is how long it lives at most, ``keep`` how long it keeps what has ended."""

    reload_ways = ("signal", "door")

    def __init__(
        self,
        folder: Path,
        cad_url: str,
        limits: dict[str, int],
        ledger: Ledger,
        *,
        seconds: float,
        keep: float,
    ) -> None:
        self.ledger = ledger
        self._seconds = seconds
        self._keep = keep
        super().__init__(folder, folder, cad_url, limits, ledger)
        self.witness = Witness(folder / TOLD, self.daemon.process)

    def _usual(self) -> dict[str, dict[str, Any]]:
        usual = super()._usual()
        kept = f"{self._keep:.0f}s"
        usual["outbox"] |= {"keep_delivered": kept, "keep_failed": kept}
        return usual

    def _command(self) -> tuple[str, ...]:
        leash = (sys.executable, "-I", "-c", LEASH, str(int(self._seconds)), str(MEMORY_BYTES))
        told = self.daemon.folder / TOLD
        return (*leash, *command(told, "run", "--config", str(self.daemon.config)))
