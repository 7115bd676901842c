"""Lists and writes of every kind of record, from one declaration each.

What a list can be filtered by, how it is paged, what a write checks and what it leaves in the
change log is the same for all of them; a resource says only what is its own.
"""
