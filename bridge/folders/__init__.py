"""A whole folder of Caffe nets at once.

pairs.py    which caffemodel belongs to which net
reading.py  the same in a process of its own, with the limits of a conversion
tasks.py    one conversion, in a process of its own with limits, and what became of it
running.py  who runs them: this machine, or a Dask cluster
record.py   what earlier runs have done
index.py    one page of all of them
api.py      convert_folder: the public function
"""
