"""Asking for flows: filters, in text or built."""

from flowtable.query.filters import Filter

__all__ = ["Filter"]
