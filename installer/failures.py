"""What went wrong, what it means, what to do next; and the exit status that says which kind it is."""

import enum


class ExitCode(enum.IntEnum):
    OK = 0
    FINDINGS = 1
    TRANSIENT = 2
    REFUSED = 3
    NEEDS_HUMAN = 4


class InstallFailure(Exception):
    """
    Args:
        what: What was wrong, and where.
        next_step: What the administrator can do about it.
    """

    def __init__(self, what: str, *, next_step: str, code: ExitCode = ExitCode.REFUSED) -> None:
        super().__init__(what)
        self.next_step = next_step
        self.code = code
