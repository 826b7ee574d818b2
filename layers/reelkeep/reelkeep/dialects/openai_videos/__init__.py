"""OpenAI's Videos, both ways: the shape that most clients of video models know.

Source: OpenAI's reference and its own clients (openai-python 3.52.0). What gateways such as new-api have added to
that is taken too, and the link to a finished video is where they put it: in `metadata.url`.
"""

NAME = "openai_videos"
PATH = "/v1/videos"
MODELS = "/v1/models"
LARGEST_PAGE = 100
