"""How long certificates of the node and of the internal authority are valid."""

from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from installer.checks.finding import Context, Finding, ok, unset, wrong

_NAME = "certificate"
_LEAST_DAYS = {"node": 20, "authority": 180}


def judge(days: dict[str, int]) -> Finding:
    """
    Args:
        days: Whole days left, of `node` and `authority`.
    """
    short = {name: left for name, left in days.items() if left < _LEAST_DAYS[name]}
    if not short:
        return ok(_NAME, ", ".join(f"{name}: {left} days" for name, left in days.items()))
    return wrong(
        _NAME,
        ", ".join(f"the {name}'s certificate ends in {left} days" for name, left in short.items()),
        impact="after that nodes refuse each other, and the cluster stands still",
        command="systemctl start xdr-renew-certificate.service; journalctl -u xdr-renew-certificate",
    )


def days_left(path: Path) -> int:
    end = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    return (end - datetime.now(UTC)).days


def check(context: Context) -> Finding:
    paths = context.paths
    if not paths.certificate.exists():
        return unset(_NAME, "no certificate yet")
    return judge({"node": days_left(paths.certificate), "authority": days_left(paths.authority)})
