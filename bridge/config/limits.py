"""What rate limits allow: Sonoran documents requests a minute and API key for each operation."""

LOCATIONS = "updateUnitLocations"
WINDOW_SECONDS = 60.0


def effective_limit(documented: int, override: int | None, share: float) -> float:
    """Return the requests a minute of one operation that are ours."""
    return (documented if override is None else override) * share


def smallest_interval(documented: int, override: int | None, share: float) -> float:
    """Return the seconds that ``locations.interval`` may not fall below."""
    return WINDOW_SECONDS / effective_limit(documented, override, share)
