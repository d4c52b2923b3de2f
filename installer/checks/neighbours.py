"""Who else on the link has an address, asked by ARP probes (RFC 5227 §1.1); needs root, and no program beside us."""

import fcntl
import ipaddress
import socket
import struct
import time
from collections.abc import Iterator

_ARP, _IPV4, _ETHERNET = 0x0806, 0x0800, 1
_REQUEST = 1
_GET_FLAGS, _GET_HARDWARE = 0x8913, 0x8927  # SIOCGIFFLAGS, SIOCGIFHWADDR
_NO_ARP = 0x80  # IFF_NOARP
_FORMAT = "!HHBBH6s4s6s4s"
_PROBES, _WAIT_SECONDS = 3, 0.7


def holder(address: str, interface: str) -> str:
    """
    The hardware address of another machine that has an IPv4 address, or "" where nobody answered.

    Takes two seconds where nobody does. Links without ARP (a tunnel, `lo`) hold no other machine of that address.

    Raises:
        OSError: There is no such interface, or this is not root.
    """
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ARP)) as link:
        link.bind((interface, _ARP))
        own = _hardware(link, interface)
        if own is None:
            return ""
        # A machine with two interfaces on one link answers itself.
        ours = {_hardware(link, name) for _, name in socket.if_nameindex()} - {None}
        for _ in range(_PROBES):
            link.send(probe(own, address))
            for frame in _heard(link, _WAIT_SECONDS):
                other = claimed(frame, address, own)
                if other and bytes.fromhex(other.replace(":", "")) not in ours:
                    return other
    return ""


def probe(own: bytes, address: str) -> bytes:
    """The frame: who has it, asked by nobody, so that no table learns a wrong neighbour."""
    target = ipaddress.IPv4Address(address).packed
    head = b"\xff" * 6 + own + _ARP.to_bytes(2)
    return head + struct.pack(_FORMAT, _ETHERNET, _IPV4, 6, 4, _REQUEST, own, bytes(4), bytes(6), target)


def claimed(frame: bytes, address: str, own: bytes) -> str:
    """The hardware address that claims an IPv4 address by a frame, or ""; our own frames claim nothing."""
    if len(frame) < 14 + struct.calcsize(_FORMAT):
        return ""
    kind, protocol, _, _, _, hardware, sender, _, _ = struct.unpack_from(_FORMAT, frame, 14)
    if (kind, protocol) != (_ETHERNET, _IPV4) or hardware == own:
        return ""
    return hardware.hex(":") if sender == ipaddress.IPv4Address(address).packed else ""


def _hardware(link: socket.socket, interface: str) -> bytes | None:
    name = struct.pack("256s", interface.encode()[:15])
    flags = struct.unpack_from("H", fcntl.ioctl(link, _GET_FLAGS, name), 16)[0]
    kind, hardware = struct.unpack_from("H6s", fcntl.ioctl(link, _GET_HARDWARE, name), 16)
    return hardware if kind == _ETHERNET and not flags & _NO_ARP else None


def _heard(link: socket.socket, seconds: float) -> Iterator[bytes]:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        link.settimeout(left)
        try:
            yield link.recv(128)
        except TimeoutError:
            return
