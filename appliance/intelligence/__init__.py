"""Owns indicators and enrichment. Nothing is built here yet."""
