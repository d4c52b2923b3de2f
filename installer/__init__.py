"""
Sets up nodes from one site file: checks machines, makes the inventory, runs playbooks, lets machines join.

Imports nothing of the appliance; the two share files, not code.
"""
