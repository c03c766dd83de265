"""What enhancers add on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowtable.errors import OptionError

if TYPE_CHECKING:
    import argparse

    from flowtable.enhance import Enhancer

__all__ = ["add_enhancers", "chosen_enhancers"]


def add_enhancers(group: argparse._ArgumentGroup) -> None:
    """Add the options that name enhancers."""
    add = group.add_argument
    add(
        "--host-names",
        action="store_true",
        help="HostA, HostB: what an end is called in the DNS answers of the captures; keeps DNS messages too",
    )
    add(
        "--networks",
        metavar="FILE",
        help="NetworkA, NetworkB: names by network, TOML with [networks], or CSV",
    )
    add(
        "--geoip",
        metavar="FILE",
        action="append",
        default=[],
        help="CountryA, CityA, AsnA, OrganisationA, the same of B: a MaxMind DB file; may be given again",
    )


def chosen_enhancers(options: argparse.Namespace) -> list[Enhancer]:
    """Make the enhancers that were asked for, before a long read; names of hosts take DNS messages."""
    found: list[Enhancer] = []
    if not (options.host_names or options.networks is not None or options.geoip):
        return found
    from flowtable.enhance import GeoIP, HostNames, NetworkNames  # noqa: PLC0415 - most do without

    if options.host_names:
        options.extra_layers = tuple(dict.fromkeys((*options.extra_layers, "DNS")))
        found.append(HostNames())
    if options.networks is not None:
        names = NetworkNames(options.networks)
        if not len(names):
            raise OptionError(f"--networks: {options.networks} names no network in [networks]")
        found.append(names)
    if options.geoip:
        found.append(GeoIP(options.geoip))
    return found
