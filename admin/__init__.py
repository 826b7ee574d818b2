"""Commands for whoever operates Reelkeep, on AWS and on the local cloud alike: `python -m admin --help`.

One file a group of commands; `stack` finds what they work on, `output` says what they found.
"""
