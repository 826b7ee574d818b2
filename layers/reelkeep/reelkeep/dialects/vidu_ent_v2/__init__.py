"""Vidu's ent/v2, both ways. Source: platform.vidu.com/docs; what was seen to differ from it is understood."""

from reelkeep.domain.task import Kind

NAME = "vidu_ent_v2"
PREFIX = "/ent/v2"
SEGMENTS = {kind: kind.value for kind in Kind} | {Kind.UPSCALE: "upscale-new"}  # the last ones of submissions' paths
LARGEST_PAGE = 100
