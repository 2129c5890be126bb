"""What rate limits allow: Sonoran documents requests a minute and API key for each operation."""

LOCATIONS = "updateUnitLocations"
WINDOW_SECONDS = 60.0


def smallest_interval(limit: int, share: float) -> float:
    """Return the seconds that ``locations.interval`` may not fall below: our share of so many requests a minute."""
    return WINDOW_SECONDS / (limit * share)
