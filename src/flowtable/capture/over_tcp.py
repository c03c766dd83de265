"""Captures that others send over TCP: ``tcpdump -w - | nc collector 57012``, as one packet source.

::

    with PcapOverTcpSource("0.0.0.0", allow=["192.0.2.0/24"]) as source:
        for frame in source:
            print(frame.time, frame.length)
"""

from flowtable.capture._over_tcp import PcapOverTcpSource

__all__ = ["PcapOverTcpSource"]
