"""A Sonoran CAD, and a Sonoran CMS, to try things against, written from Sonoran's documents alone.

A request goes down one of these lines, all of them behind one address; ``door`` is what they have in common::

    server (sockets) -> cloud (faults, delays)
        -> cad (v2: key, limits, plan) -> units | calls | records | ... (routes lists them) -> community
        -> v1 (text: type, community, plan, key, limits) -> a handler for each type         -> community
        -> cms (text: type, community, key, limits) -> handlers                             -> its own community

A community has people, roster (units), board (calls), archive (records) and estate (configuration).

``control`` is a second door beside it, for whoever steers a test and reads the ``state``. Nothing here knows the bridge's own clients
or tables, so that a misreading of the documents cannot hide in both.
"""
