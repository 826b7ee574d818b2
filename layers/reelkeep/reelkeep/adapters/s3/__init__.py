"""The archive's bucket: the files of a task, its manifest, and requests too big for the table."""
