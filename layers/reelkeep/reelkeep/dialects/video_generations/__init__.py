"""POST and GET /v1/video/generations, both ways: the flat shape that new-api documents.

Source: newapi.ai/zh/docs/api/ai-model/video-generation. What its releases answer in fact is another matter, and
understood as well: see `gateway`.
"""

NAME = "video_generations"
PATH = "/v1/video/generations"
