"""Strategies in processes of their own: limited, killed when nobody wants the result.

``strategies`` is the engine's side of it, over one ``process``. That process runs ``nursery``,
which holds the model and forks for each ``job``.
"""
