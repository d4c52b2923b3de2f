"""Owns what the licence allows and what is metered. Nothing is built here yet."""
