"""
Owns how the appliance looks at itself: checks of a node, alert rules, their evaluation, whom they go to.

Support bundles, the local knowledge base and the case log will come here too.
"""
