"""
The HTTP door: translates requests into service calls and answers into JSON or pages. Decides
nothing.
"""
