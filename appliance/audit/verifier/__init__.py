"""
Verifies an exported audit trail with nothing but the file and a public key: `xdr-audit-verify`.

The format is published in docs/security/audit-format.md. This package is also what the appliance itself
verifies with; it knows nothing of the appliance, and needs no database.
"""
