"""Enhancers: what is known of a flow beside its packets, added off the packet path."""

from flowtable.enhance.enhancer import Enhancer
from flowtable.enhance.geoip import GEOIP_FIELDS, GeoIP
from flowtable.enhance.host_names import HostNames
from flowtable.enhance.local_process import LocalProcess
from flowtable.enhance.network_names import NetworkNames
from flowtable.enhance.pipeline import EnhancerPipeline, EnhancerPipelineConfig, EnhancerStatistics

__all__ = [
    "GEOIP_FIELDS",
    "Enhancer",
    "EnhancerPipeline",
    "EnhancerPipelineConfig",
    "EnhancerStatistics",
    "GeoIP",
    "HostNames",
    "LocalProcess",
    "NetworkNames",
]
