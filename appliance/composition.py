"""Builds the services of one transaction: the only module that knows every domain."""
