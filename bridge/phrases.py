"""Figures in words for people: ages, durations, latencies, numbers of things."""


def age(then: float | None, now: float) -> str:
    """Say how long ago an instant was; a dash where there is none."""
    return "-" if then is None else f"{duration(max(0.0, now - then))} ago"


def duration(seconds: float) -> str:
    """Say a length of time in its two largest units: ``4.2 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR:02d} h"


def latency(seconds: float | None) -> str:
    """Say a short time: milliseconds under one second."""
    if seconds is None:
        return "-"
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else duration(seconds)


def count(number: int, noun: str) -> str:
    """Say how many: ``1 unit``, ``2 units``."""
    plural = f"{noun[:-2]}ches" if noun.endswith("ch") else f"{noun}es" if noun.endswith("sh") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


_MINUTE = 60
_HOUR = 3_600
_DAY = 86_400
