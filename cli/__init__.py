"""The command `reelkeep`, for those who use a stack, those who operate one, and the local cloud.

`main` reads the command line, `api` calls a stack, one module below `users` or `operators` is a group of commands.
"""
