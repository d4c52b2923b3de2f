"""Sets up nodes from one site file. Imports nothing of the appliance. Nothing is built here yet."""
