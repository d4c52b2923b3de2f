"""Traps to the site's network management (SNMPv2c and SNMPv3, RFC 3411 to 3418)."""
