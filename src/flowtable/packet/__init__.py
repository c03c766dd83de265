"""Packets: their layers, and the parts that tunnels cut them into."""
