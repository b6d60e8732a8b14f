"""Customers and their orders: the tables of the tests that are about faults and not about mappings."""
from compare_graph import ForeignKey, Node, same

TABLES = """
    CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL);
    CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers, total bigint NOT NULL);
    INSERT INTO customers SELECT i, 'customer ' || i FROM generate_series(1, 1000) i;
    INSERT INTO orders SELECT i, 1 + i % 1000, i FROM generate_series(1, 2000) i;
"""
YAML = """
nodes:
  Customer:
    table: customers
  Order:
    table: orders
    properties: [id, total]
    relationships:
      PLACED_BY: {to: Customer, column: customer_id}
"""
MAPPING = [
    Node("Customer", "customers", ("id",), same("id", "name")),
    Node("Order", "orders", ("id",), same("id", "total")),
    ForeignKey("PLACED_BY", "Order", ("customer_id",), "Customer"),
]
# A customer and an order of his in one transaction, so that a graph of whole transactions has as many of the one as of the other.
NEW_CUSTOMER = """
    WITH c AS (INSERT INTO customers VALUES (1000000 + {n}, 'new') ON CONFLICT DO NOTHING RETURNING id)
    INSERT INTO orders SELECT 1000000 + {n}, id, 1 FROM c
"""
