"""Owns who may do what: organisations, users, roles, sessions and API tokens."""
