"""Constants of the reference's interface."""

from __future__ import annotations

from typing import Final

__all__ = [
    "DEFAULT_CAPTURE_LENGTH",
    "DEFAULT_PROTOBUF_FLOW_SIZE",
    "MAX_CAPTURE_LENGTH",
    "MAX_RAW_PACKET_LIMIT",
    "NAMESPACE",
]

DEFAULT_CAPTURE_LENGTH: Final = 256
"""Bytes of a frame that a capture keeps unless told otherwise."""
MAX_CAPTURE_LENGTH: Final = 4096
"""Bytes of a frame that a capture can be told to keep."""
MAX_RAW_PACKET_LIMIT: Final = 10
"""Packets that a flow keeps at most in the reference; here they tell enough, and more may be asked for."""
DEFAULT_PROTOBUF_FLOW_SIZE: Final = 500
"""Bytes that an encoded flow is taken to have, when room for flows is set aside."""
NAMESPACE: Final = "Flow"
"""Namespace of flow messages."""
