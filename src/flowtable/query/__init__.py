"""Asking for flows: filters, in text or built, and what is asked of whole sets."""

from flowtable.query.filters import Filter
from flowtable.query.search import MergeContext, SearchQuery, SortOrder

__all__ = ["Filter", "MergeContext", "SearchQuery", "SortOrder"]
