"""Links: one module a kind.  Each turns planned links into interfaces in the nodes' namespaces."""
