"""Holds the configuration against what the CAD says once it is reached, and tells the operator what does not fit."""

from bridge import logs
from bridge.clock import Alarm, Clock
from bridge.config import Config
from bridge.errors import CadError
from bridge.fit import Finding, Severity, examine
from bridge.operations import GET_SERVERS
from bridge.sonoran import v2
from bridge.sonoran.client import CadClient
from bridge.sonoran.keeper import Keeper

RETRY_DELAYS = (5.0, 15.0, 60.0, 300.0)  # seconds between questions that fail; the last one repeats

log = logs.get("survey")


class Survey:
    """Asks getServers whenever the keeper has news of the CAD; ``findings`` are those that stand."""

    def __init__(self, config: Config, client: CadClient, keeper: Keeper, clock: Clock) -> None:
        self._config = config
        self._client = client
        self._keeper = keeper
        self._clock = clock
        self._alarm = Alarm(clock)
        self._news = False
        self.findings: tuple[Finding, ...] = ()
        keeper.on_news(self._hear)

    async def run(self) -> None:
        """Run until cancelled."""
        next_at: float | None = None
        failures = 0
        while True:
            await self._alarm.wait_until(next_at)
            if self._news:
                self._news, failures, self.findings = False, 0, ()
            servers = await self._ask()
            known = servers if isinstance(servers, list) else None
            self._tell(examine(self._config, self._keeper.plan, known))
            if isinstance(servers, list):
                next_at = None
                continue
            if not failures:
                log.info("servers not read, asking again later", detail=servers)
            next_at = self._clock.monotonic() + RETRY_DELAYS[min(failures, len(RETRY_DELAYS) - 1)]
            failures += 1

    def reconfigure(self, config: Config) -> None:
        """Hold another configuration against what the CAD says, soon."""
        self._config = config
        self._hear()

    def _hear(self) -> None:
        self._news = True
        self._alarm.ring()

    async def _ask(self) -> list[v2.Server] | str:
        """Return the servers as the CAD has them, or why it does not tell now."""
        breaker = self._client.breaker
        if breaker.holding or breaker.down:
            return "the CAD is not asked now"
        ticket = self._client.budgets.take(GET_SERVERS.name)
        if ticket is None:
            return "no slot is free"
        try:
            answer = await self._client.forward(v2.get_servers(), ticket)
        except CadError as error:
            return error.reason
        servers = v2.read_servers(answer) if answer.ok else None
        return v2.read_problem(answer) if servers is None else servers

    def _tell(self, findings: list[Finding]) -> None:
        """Log what is new and keep all."""
        for finding in findings:
            if finding not in self.findings:
                note = finding.severity is Severity.NOTE
                tell = log.info if note else log.warning
                tell("CAD and configuration compared", severity=finding.severity, detail=finding.text)
        self.findings = tuple(findings)
