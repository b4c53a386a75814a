"""Faxplan: a multi-tenant, white-label fax server that lives inside FreeSWITCH."""

__version__ = "0.1.0"
