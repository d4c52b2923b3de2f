"""Offline licences: document and verification. Nothing is built here yet."""
