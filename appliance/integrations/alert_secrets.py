"""Secrets of alert receivers."""

from appliance.foundation.settings import Settings


def secret(settings: Settings, name: str) -> bytes:
    """
    The credential of a receiver; empty where there is none.

    systemd hands a folder's files over as FOLDER_FILE; an administrator's commands read them where they lie.
    """
    for path in (settings.credentials_dir / "alerts" / name, settings.credentials_dir / f"alerts_{name}"):
        if path.exists():
            return path.read_bytes().removesuffix(b"\n")
    return b""
