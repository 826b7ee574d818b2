"""new-api's video generations, both ways: the flat shape of /v1/video/generations that it documents.

Source: newapi.ai/zh/docs/api/ai-model/video-generation. What its releases answer in fact is an envelope
(github.com/QuantumNous/new-api, dto/task.go and issue 5266): it is served in the same body, and understood.
"""

NAME = "video_generations"
PATH = "/v1/video/generations"
