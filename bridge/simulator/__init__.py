"""A Sonoran CAD to try things against, written from Sonoran's documents alone.

A request goes down this line::

    server (sockets) -> cloud (faults, delays) -> cad (key, limits, plan)
        -> one module for each sort of thing that can be asked (units, calls, records, ...; routes lists them)
        -> community, with people, roster (units), board (calls), archive (records) and estate (configuration)

``control`` is a second door beside it, for whoever steers a test and reads the ``state``. Nothing here knows the bridge's own client
or tables, so that a misreading of the documents cannot hide in both.
"""
