"""Kling's videos, both ways: the API of klingai.com, as Kling and gateways serve it.

Sources: kling.ai/document-api; github.com/vercel/ai, packages/klingai; github.com/QuantumNous/new-api, relay/channel.
"""

from reelkeep.domain.task import Kind

NAME = "kling"
PATH = "/v1/videos"
LARGEST_PAGE, MOST_PAGES = 500, 1000
SEGMENTS = {  # of addresses, by what is made there
    Kind.TEXT2VIDEO: "text2video",
    Kind.IMG2VIDEO: "image2video",
    Kind.START_END2VIDEO: "image2video",
    Kind.REFERENCE2VIDEO: "multi-image2video",
    Kind.EXTEND: "video-extend",
    Kind.LIP_SYNC: "lip-sync",
    Kind.TEMPLATE2VIDEO: "effects",
}
