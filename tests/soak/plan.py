"""What a run is to be."""

import random

from msgspec import Struct

SHARE_KEPT, LONGEST_KEPT, SHORTEST_KEPT = (
    1 / 6,
    300.0,
    20.0,
)  # how long ended events stay: of the run; seconds
POSITIONS_SECONDS = 90.0  # in which the last positions arrive: 12 batches of 500 a minute
QUIET_SECONDS = 45.0  # in which everything that was opened closes
GRACE_SECONDS = 600.0  # after all this the daemon ends by itself, whatever became of us


class Plan(Struct, frozen=True, kw_only=True):
    """How long it lasts, how long the events may take afterwards (seconds), and how many players there are."""

    seconds: float
    drain: float
    players: int
    seed: int

    @property
    def keep(self) -> float:
        """How long the daemon keeps what has ended."""
        return min(LONGEST_KEPT, max(SHORTEST_KEPT, self.seconds * SHARE_KEPT))

    @property
    def life(self) -> float:
        """How long the daemon lives at most."""
        return self.seconds + self.drain + POSITIONS_SECONDS + QUIET_SECONDS + GRACE_SECONDS

    def dice(self, name: object) -> random.Random:
        return random.Random(f"{self.seed}-{name}")
