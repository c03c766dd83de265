"""Asking for flows: filters, in text or built, and what is asked of whole sets and tables."""

from flowtable.query.filters import Filter
from flowtable.query.search import MergeContext, SearchQuery, SortOrder
from flowtable.query.table_query import TableQuery, TableReply, answer

__all__ = ["Filter", "MergeContext", "SearchQuery", "SortOrder", "TableQuery", "TableReply", "answer"]
