"""Memory for database, detection and receivers together."""

import os

from installer.checks.finding import Context, Finding, ok, wrong

_NAME = "memory"
_LEAST_MB = 3500


def judge(megabytes: int) -> Finding:
    if megabytes >= _LEAST_MB:
        return ok(_NAME, f"{megabytes:,} MB")
    return wrong(
        _NAME,
        f"{megabytes:,} MB of memory; {_LEAST_MB:,} MB are the least",
        impact="processes are ended by the kernel under load, the database among them",
        command="give the machine 4 GB or more; free -m shows what it has",
    )


def check(context: Context) -> Finding:
    del context
    return judge(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20)
