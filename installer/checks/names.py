"""No machine bears the host name of another node: people act on the name that their prompt shows."""

import socket

from installer.checks.finding import Context, Finding, ok, unset, wrong

_NAME = "names"


def judge(host: str, own: str, others: list[str]) -> Finding:
    """
    Args:
        host: The machine's host name.
        own: The name that site.yml gives the node of this machine's address.
        others: Names of the other nodes.
    """
    short = host.partition(".")[0].lower()
    if short in others:
        return wrong(
            _NAME,
            f"this machine calls itself {short}, but by its address it is {own}; {short} is another node",
            impact="a command meant for one node, such as a restart, is given to the other; logs name the wrong one",
            command=f"hostnamectl set-hostname {own}; or exchange the addresses in site.yml",
        )
    return ok(_NAME, f"{own}, called {short}")


def check(context: Context) -> Finding:
    if context.site is None or context.node is None:
        return unset(_NAME, "no site file yet")
    own = context.node.name
    return judge(socket.gethostname(), own, [node.name for node in context.site.nodes if node.name != own])
