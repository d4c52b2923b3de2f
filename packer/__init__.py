"""Builds what sites carry in: the offline bundle, and later the image and its installer medium."""
