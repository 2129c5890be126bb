"""cad-bridge: carries what happens on FiveM game servers to Sonoran CAD.

Data goes one way::

    game server -> listener -+-> coalescer -> flusher -+-> sonoran -> CAD
                             |   newest per unit       |   client, budgets
                             +-> outbox ----> relay ---+
                                 on disk      in order

To read the code, follow that line: ``app`` builds every part, ``listener`` takes pushes, ``coalescer`` and
``outbox`` are the two buffers, ``flusher`` and ``relay`` empty them through ``sonoran``.
"""

__version__ = "0.1.0"
