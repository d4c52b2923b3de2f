"""
The Mini-XDR Appliance: telemetry in, explained incidents out, inside the customer's own datacenter.
"""
