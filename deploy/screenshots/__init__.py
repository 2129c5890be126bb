"""Pictures of the status page, taken by ``take`` from a running bridge."""
