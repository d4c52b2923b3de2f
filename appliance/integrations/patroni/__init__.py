"""Patroni and etcd, which decide together who leads, spoken to as one of the nodes (mutual TLS)."""
