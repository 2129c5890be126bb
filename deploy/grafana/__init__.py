"""Grafana's dashboards as code.

Read `build` first, which writes them; then a dashboard (`overview`, `delivery`, `game_servers`), the `state` panels that
two of them share, what `panels` look like, what is in the `frame` around them, and how `promql` selects samples.
"""
