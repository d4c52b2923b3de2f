"""Why a document cannot become an active rule, raised where it is found out and caught by the parser."""

from appliance.detection.sigma.rules import Reason


class Refused(Exception):
    """This document will not be active. It never leaves `parsing` and `compiling`."""

    def __init__(self, reason: Reason, explanation: str) -> None:
        super().__init__(explanation)
        self.reason = reason
        self.explanation = explanation
