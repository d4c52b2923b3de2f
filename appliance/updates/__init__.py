"""Owns signed offline bundles and rolling upgrades. Nothing is built here yet."""
