"""Enhancers: what is known of a flow beside its packets, added off the packet path."""

from flowtable.enhance.enhancer import Enhancer
from flowtable.enhance.pipeline import EnhancerPipeline, EnhancerPipelineConfig, EnhancerStatistics

__all__ = [
    "Enhancer",
    "EnhancerPipeline",
    "EnhancerPipelineConfig",
    "EnhancerStatistics",
]
