"""The database: schema, migrations and one module of queries per noun."""
