"""Sonoran CAD v1, on the same community as v2: what one says shows in the other."""
