"""Owns the keyring and its rotation. Nothing is built here yet."""
