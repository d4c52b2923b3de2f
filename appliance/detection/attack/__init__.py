"""
MITRE ATT&CK Enterprise v19 as a table: techniques, tactics in kill-chain order, revoked ids.

Nothing here reaches the network; `NOTICE` carries the attribution the table's licence asks for.
"""
