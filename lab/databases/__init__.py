"""How do SQLite and PostgreSQL keep the warehouse?"""
