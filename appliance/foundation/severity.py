"""The five levels of Sigma, used for findings and incidents alike; stored as their place."""

from enum import IntEnum


class Severity(IntEnum):
    INFORMATIONAL = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def label(self) -> str:
        return self.name.lower()

    @classmethod
    def named(cls, label: str) -> "Severity":
        """
        The level of that name; medium for a name nobody knows, as Sigma says.

        Source: Sigma specification 2.1, "level".
        """
        return cls.__members__.get(label.upper(), cls.MEDIUM)
