"""
What is looked at on a machine before it is installed, joined or upgraded, and every night.

One file per thing. Each has `judge`, which decides from figures, and `check`, which reads them from this machine.
A finding says cause, impact, the command that mends it, and where that is explained.
"""

from installer.checks.finding import Context, Finding
from installer.checks.registry import run

__all__ = ["Context", "Finding", "run"]
