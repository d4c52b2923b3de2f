"""A device that resets a node which hangs while it leads."""

from pathlib import Path

from installer.checks.finding import Context, Finding, ok, unset, wrong

_NAME = "watchdog"


def judge(mode: str, reason: str, device: Path) -> Finding:
    if mode == "off":
        return unset(_NAME, f"off: {reason}")
    if device.is_char_device():
        return ok(_NAME, f"{device} is there")
    return wrong(
        _NAME,
        f"{device} is not there",
        impact="a leader whose Patroni hangs is not stopped before another one takes over; Patroni refuses to lead",
        command="modprobe softdog && echo softdog > /etc/modules-load.d/xdr.conf; or watchdog: {mode: off, reason: …}",
    )


def check(context: Context) -> Finding:
    if context.site is None:
        return unset(_NAME, "no site file yet")
    setting = context.site.watchdog
    return judge(setting.mode, setting.reason, context.paths.root / "dev/watchdog")
