"""Owns the append-only trail: every change of state leaves an entry in the same transaction."""
