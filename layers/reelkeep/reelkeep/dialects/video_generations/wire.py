"""The bodies that clients send to new-api's video generations."""

from reelkeep.dialects.families.openai_wire import BODIES as BODIES
from reelkeep.dialects.families.openai_wire import Submission as Submission
