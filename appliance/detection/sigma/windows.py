"""
Where Windows writes what Sigma's services and categories mean: channels and event ids.

Sources: Sysmon's and Windows' own event manifests; the Sigma log-source taxonomy.
"""

from typing import Final

import msgspec


class Category(msgspec.Struct, frozen=True):
    """
    One way Windows records a Sigma category.

    `event_types` narrows Sysmon's registry events, which share one id.
    """

    channel: str
    codes: frozenset[str]
    event_types: tuple[str, ...] = ()


SYSMON: Final = "microsoft-windows-sysmon/operational"
SECURITY: Final = "security"
_POWERSHELL: Final = "microsoft-windows-powershell/operational"
_POWERSHELL_CORE: Final = "powershellcore/operational"
_CLASSIC_POWERSHELL: Final = "windows powershell"
_KERNEL_FILE: Final = "microsoft-windows-kernel-file/analytic"
_DEFENDER: Final = "microsoft-windows-windows defender/operational"


def _sysmon(*codes: str, event_types: tuple[str, ...] = ()) -> Category:
    return Category(SYSMON, frozenset(codes), event_types)


def _powershell(code: str) -> tuple[Category, ...]:
    channels = (_POWERSHELL, _POWERSHELL_CORE)
    return tuple(Category(channel, frozenset({code})) for channel in channels)


def _classic(code: str) -> tuple[Category, ...]:
    return (Category(_CLASSIC_POWERSHELL, frozenset({code})),)


CATEGORIES: Final[dict[str, tuple[Category, ...]]] = {
    "process_creation": (_sysmon("1"), Category(SECURITY, frozenset({"4688"}))),
    "file_change": (_sysmon("2"),),
    "network_connection": (_sysmon("3"),),
    "sysmon_status": (_sysmon("4", "16"),),
    "process_termination": (_sysmon("5"),),
    "driver_load": (_sysmon("6"),),
    "image_load": (_sysmon("7"),),
    "create_remote_thread": (_sysmon("8"),),
    "raw_access_thread": (_sysmon("9"),),
    "process_access": (_sysmon("10"),),
    "file_event": (_sysmon("11"),),
    "registry_event": (_sysmon("12", "13", "14"),),
    "registry_add": (_sysmon("12", event_types=("CreateKey",)),),
    "registry_delete": (_sysmon("12", event_types=("DeleteKey", "DeleteValue")),),
    "registry_set": (_sysmon("13"),),
    "registry_rename": (_sysmon("14"),),
    "create_stream_hash": (_sysmon("15"),),
    "pipe_created": (_sysmon("17", "18"),),
    "wmi_event": (_sysmon("19", "20", "21"),),
    "dns_query": (_sysmon("22"),),
    "file_delete": (_sysmon("23", "26"),),
    "clipboard_change": (_sysmon("24"),),
    "clipboard_capture": (_sysmon("24"),),
    "process_tampering": (_sysmon("25"),),
    "file_delete_detected": (_sysmon("26"),),
    "file_block_executable": (_sysmon("27"),),
    "file_block_shredding": (_sysmon("28"),),
    "file_executable_detected": (_sysmon("29"),),
    "sysmon_error": (_sysmon("255"),),
    # Kernel-File (ETW): 12 opens, 30 creates, 19, 27 and 29 rename. Security 4663 records opens as well.
    "file_access": (
        Category(_KERNEL_FILE, frozenset({"12", "30"})),
        Category(SECURITY, frozenset({"4663"})),
    ),
    "file_rename": (Category(_KERNEL_FILE, frozenset({"19", "27", "29"})),),
    "ps_module": _powershell("4103"),
    "ps_script": _powershell("4104"),
    "ps_classic_start": _classic("400"),
    "ps_classic_provider_start": _classic("600"),
    "ps_classic_script": _classic("800"),
    # The Defender events that name a threat or a path.
    "antivirus": (
        Category(
            _DEFENDER,
            frozenset(
                [
                    "1006",
                    "1007",
                    "1008",
                    "1009",
                    "1010",
                    "1011",
                    "1012",
                    "1017",
                    "1018",
                    "1019",
                    "1115",
                    "1116",
                    "1117",
                    "1118",
                    "1119",
                ]
            ),
        ),
    ),
}

SERVICES: Final[dict[str, tuple[str, ...]]] = {
    "application": ("application",),
    "security": (SECURITY,),
    "system": ("system",),
    "sysmon": (SYSMON,),
    "powershell": (_POWERSHELL, _POWERSHELL_CORE),
    "powershell-classic": (_CLASSIC_POWERSHELL,),
    "windefend": (_DEFENDER,),
    "ntlm": ("microsoft-windows-ntlm/operational",),
    "taskscheduler": ("microsoft-windows-taskscheduler/operational",),
    "wmi": ("microsoft-windows-wmi-activity/operational",),
    "dhcp": ("microsoft-windows-dhcp-server/operational",),
    "dns-client": (
        "microsoft-windows-dns client events/operational",
        "microsoft-windows-dns-client/operational",
    ),
    "dns-server": ("dns server", "microsoft-windows-dnsserver/audit"),
    "dns-server-analytic": (
        "microsoft-windows-dnsserver/analytical",
        "microsoft-windows-dns-server/analytical",
    ),
    "driver-framework": ("microsoft-windows-driverframeworks-usermode/operational",),
    "microsoft-servicebus-client": (
        "microsoft-servicebus-client",
        "microsoft-servicebus-client/admin",
        "microsoft-servicebus-client/operational",
    ),
    "servicebus-client": (
        "microsoft-servicebus-client",
        "microsoft-servicebus-client/admin",
        "microsoft-servicebus-client/operational",
    ),
    "printservice-admin": ("microsoft-windows-printservice/admin",),
    "printservice-operational": ("microsoft-windows-printservice/operational",),
    "smbclient-security": ("microsoft-windows-smbclient/security",),
    "smbclient-connectivity": ("microsoft-windows-smbclient/connectivity",),
    "smbserver-connectivity": ("microsoft-windows-smbserver/connectivity",),
    "terminalservices-localsessionmanager": (
        "microsoft-windows-terminalservices-localsessionmanager/operational",
    ),
    "codeintegrity-operational": ("microsoft-windows-codeintegrity/operational",),
    "applocker": (
        "microsoft-windows-applocker/msi and script",
        "microsoft-windows-applocker/exe and dll",
        "microsoft-windows-applocker/packaged app-deployment",
        "microsoft-windows-applocker/packaged app-execution",
    ),
    "msexchange-management": ("msexchange management",),
    "firewall-as": ("microsoft-windows-windows firewall with advanced security/firewall",),
    "bits-client": ("microsoft-windows-bits-client/operational",),
    "security-mitigations": (
        "microsoft-windows-security-mitigations/kernel mode",
        "microsoft-windows-security-mitigations/user mode",
        "microsoft-windows-security-mitigations/kernelmode",
        "microsoft-windows-security-mitigations/usermode",
    ),
    "diagnosis-scripted": ("microsoft-windows-diagnosis-scripted/operational",),
    "shell-core": ("microsoft-windows-shell-core/operational",),
    "openssh": ("openssh/operational",),
    "ldap": ("microsoft-windows-ldap-client/debug",),
    "bitlocker": ("microsoft-windows-bitlocker/bitlocker management",),
    "vhdmp": ("microsoft-windows-vhdmp/operational", "microsoft-windows-vhdmp-operational"),
    "appxdeployment-server": (
        "microsoft-windows-appxdeploymentserver/operational",
        "microsoft-windows-appxdeployment-server/operational",
    ),
    "lsa-server": ("microsoft-windows-lsa/operational",),
    "appxpackaging-om": ("microsoft-windows-appxpackaging/operational",),
    "appmodel-runtime": ("microsoft-windows-appmodel-runtime/admin",),
    "capi2": ("microsoft-windows-capi2/operational",),
    "certificateservicesclient-lifecycle-system": (
        "microsoft-windows-certificateservicesclient-lifecycle-system/operational",
    ),
    "kernel-shimengine": (
        "microsoft-windows-kernel-shimengine/operational",
        "microsoft-windows-kernel-shimengine/diagnostic",
    ),
    "application-experience": (
        "microsoft-windows-application-experience/program-telemetry",
        "microsoft-windows-application-experience/program-compatibility-assistant",
    ),
    "ntfs": ("microsoft-windows-ntfs/operational",),
    "hyper-v-worker": ("microsoft-windows-hyper-v-worker", "microsoft-windows-hyper-v-worker-admin"),
    "kernel-event-tracing": (
        "microsoft-windows-kernel-eventtracing",
        "microsoft-windows-kernel-eventtracing/admin",
    ),
    "sense": ("microsoft-windows-sense/operational",),
    "iis-configuration": (
        "microsoft-iis-configuration/operational",
        "microsoft-iis-configuration/administrative",
    ),
}
