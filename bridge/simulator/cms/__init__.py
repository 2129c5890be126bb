"""A Sonoran CMS to try things against: members, whitelists, ranks, clocks; eight endpoints of its first API."""
