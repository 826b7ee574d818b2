"""Volcengine Ark's content generation, both ways: the API of Seedance, as Ark, BytePlus and aggregators serve it.

Source: volcengine.com/docs/82379, pages 1520757 (create), 1521309 (get), 1521675 (list), 1521720 (delete) and 1299023
(errors); doc.aimanyi.top/api-351558937 (list under /volc/v1); what was seen to differ from them is understood.
"""

NAME = "volc_ark"
PATH = "/contents/generations/tasks"
LARGEST_PAGE = 500
EXPIRES_AFTER = 172_800  # seconds that a task may take if its client does not say
