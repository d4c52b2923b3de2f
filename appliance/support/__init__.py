"""Owns support bundles, the local knowledge base and the case log. Nothing is built here yet."""
