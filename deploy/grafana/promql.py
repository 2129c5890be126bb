"""PromQL in the words of the bridge: which samples are meant, and how a counter becomes a rate.

Every dashboard has the variables ``$instance`` (a bridge) and ``$server`` (a game server); every selector made here
obeys the ones that its metric has a label for.
"""

BRIDGE = 'instance=~"$instance"'
SERVER = f'{BRIDGE},server=~"$server"'
JOB = f'job="cad-bridge",{BRIDGE}'


def of_bridge(metric: str, *matchers: str, **labels: str) -> str:
    """Select samples of a metric that has no server; ``labels`` are those they must have."""
    return _selector(f"cad_bridge_{metric}", BRIDGE, *matchers, **labels)


def of_server(metric: str, *matchers: str, **labels: str) -> str:
    """Select samples of a metric that is counted by game server."""
    return _selector(f"cad_bridge_{metric}", SERVER, *matchers, **labels)


def of_process(metric: str) -> str:
    """Select what every Prometheus target tells, of the bridge alone."""
    return _selector(metric, JOB)


def rate(counter: str) -> str:
    """Return how much a counter rises in a second."""
    return f"rate({counter}[$__rate_interval])"


def per_minute(counter: str, *labels: str) -> str:
    """Return how much a counter rises in a minute, by some of its labels."""
    return f"60 * {total(rate(counter), *labels)}"


def total(samples: str, *labels: str) -> str:
    """Add samples up, by some of their labels."""
    by = f" by ({', '.join(labels)}) " if labels else ""
    return f"sum{by}({samples})"


def counted(counter: str) -> str:
    """Return by how much a counter rose in the time shown, as a whole number."""
    return f"round(sum(increase({counter}[$__range])))"


def mean(histogram: str, *labels: str) -> str:
    """Return the mean of what was observed, by some labels; nothing where nothing was.

    ``histogram`` selects the metric without a suffix, here and below.
    """
    name, matchers = histogram.split("{", 1)
    sums = total(rate(f"{name}_sum{{{matchers}"), *labels)
    counts = total(rate(f"{name}_count{{{matchers}"), *labels)
    return f"{sums} / ({counts} > 0)"


def quantile(share: float, histogram: str, window: str = "$__rate_interval") -> str:
    """Return what a share of the observations stayed under; nothing where there were none."""
    return f"histogram_quantile({share:g}, {buckets(histogram, window)}) >= 0"


def buckets(histogram: str, window: str = "$__rate_interval") -> str:
    """Return the observations of each interval by bucket."""
    name, matchers = histogram.split("{", 1)
    return f"sum by (le) (increase({name}_bucket{{{matchers}[{window}]))"


def _selector(metric: str, *matchers: str, **labels: str) -> str:
    equal = (f'{label}="{value}"' for label, value in labels.items())
    return f"{metric}{{{','.join((*matchers, *equal))}}}"
