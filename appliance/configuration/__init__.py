"""
Owns typed, versioned configuration that administrators change at run time. Nothing is built here
yet.
"""
