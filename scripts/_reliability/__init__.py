"""What scripts/reliability measures.

children.py   functions in processes of their own, and what comes of a conversion
subjects.py   whole files, and what is done with them
damage.py     copies of them that are cut off, or have a bit turned
kills.py      conversions that are killed
writing.py    outputs that cannot be written, and many conversions at once
tables.py     the tables of the page
"""
