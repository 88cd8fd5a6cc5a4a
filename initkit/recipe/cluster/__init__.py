"""Builds spread over a cluster of Dask workers, which write to a shared folder or an object store."""
