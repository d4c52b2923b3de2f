"""
What a parser process gives up before it sees its first event (decision 10).

A seccomp filter, which needs no privilege: from then on the process can open no file and no socket,
start no program and look into no other process. It keeps the pipe it was born with. A parser that is
taken over can therefore only answer wrongly; it cannot reach credentials, disk or network.
"""

import ctypes
import errno
import os
import platform
import resource
import struct

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_LOAD_SYSCALL = (0x20, 0, 0, 0)
_LOAD_ARCH = (0x20, 0, 0, 4)
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EACCES

# Numbers of: socket, connect, bind, listen, accept, accept4, execve, execveat, ptrace,
# process_vm_readv, process_vm_writev, open, openat, openat2, creat, unlink(at), rename(at), mount,
# fork, vfork, io_uring_setup, bpf, kexec_load, init_module, setns, unshare.
_DENIED = {
    "x86_64": (
        0xC000003E,
        (41, 42, 49, 50, 43, 288, 59, 322, 101, 310, 311, 2, 257, 437, 85, 87, 263, 82, 264, 316, 165,
         57, 58, 425, 321, 246, 175, 308, 272),
    ),
    "aarch64": (
        0xC00000B7,
        (198, 203, 200, 201, 202, 242, 221, 281, 117, 270, 271, 56, 437, 35, 38, 276, 40, 425, 280, 104,
         105, 268, 97),
    ),
}  # fmt: skip


class NotConfined(RuntimeError):
    """This kernel or architecture cannot confine a parser; the process must not parse."""


def confine(memory_bytes: int) -> None:
    """
    Give up files, network and other processes, for good.

    Args:
        memory_bytes: Address space beyond which allocation fails.

    Raises:
        NotConfined: The filter was not accepted.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    machine = platform.machine()
    if machine not in _DENIED:
        raise NotConfined(f"no system call table for {machine}")
    _install(*_DENIED[machine])


def _install(arch: int, denied: tuple[int, ...]) -> None:
    program = _program(arch, denied)
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.c_char_p(header), 0, 0
    ):
        raise NotConfined(f"the kernel refused the filter: {os.strerror(ctypes.get_errno())}")


def _program(arch: int, denied: tuple[int, ...]) -> bytes:
    """Classic BPF: another architecture is killed, a denied call gets EACCES, the rest passes."""
    tests = [(0x15, len(denied) - place, 0, number) for place, number in enumerate(denied)]
    code = [
        _LOAD_ARCH,
        (0x15, 1, 0, arch),
        (0x06, 0, 0, _KILL),
        _LOAD_SYSCALL,
        *tests,
        (0x06, 0, 0, _ALLOW),
        (0x06, 0, 0, _REFUSE),
    ]
    return b"".join(struct.pack("HBBI", *step) for step in code)
