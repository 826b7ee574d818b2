"""Vidu's v1, both ways: the tasks of its consumer site, as aggregators serve them.

Source: gpt-best.apifox.cn, api-218220468; what was seen to differ from that page is understood.
"""

NAME = "vidu_v1"
PATH = "/vidu/v1/tasks"
NO_CREATION = "0"  # where an id of a creation would stand
