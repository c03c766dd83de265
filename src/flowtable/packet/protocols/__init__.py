"""The protocols, one family a file; compiled into ``_decode``."""
