"""Sonoran CAD: one client with budgets, a breaker and warm lines.

``messages`` are the values, ``http`` is the wire, ``budget`` says when a request may leave (``pools``: what operations share), ``breaker`` what is known of the CAD's health,
``client`` joins them; ``v2`` turns values into requests and answers into values, ``v1`` does what v2 asks over Sonoran's older interface; ``keeper`` watches the key.
"""
