"""What the documents say of each operation. What is not here follows from the kind of its route."""

from __future__ import annotations

from collections.abc import Mapping

from reelkeep.dialects.dialect import Cancel, Content, Dialect, List, Operation, Remove, Route, Show, Submit
from reelkeep.dialects.families.query import Words
from reelkeep.domain.errors import ClientError, Conflict, InvalidRequest, LimitReached, NotAllowed, NotFound
from reelkeep.domain.keys import KEPT_FOR, MAX_KEPT_KEYS, MAX_KEYS
from reelkeep.domain.notices.webhooks import CALLBACKS, MAX_WEBHOOKS

_KINDS: Mapping[type[Route], tuple[str, str]] = {
    Submit: ("Submit a task", ""),
    Show: ("Show a task", "The links to its files are there once it is a success, and stay."),
    List: ("List tasks, newest first", ""),
    Cancel: ("Cancel a task", "Possible until the provider has begun to work on it."),
    Remove: (
        "Cancel a task that has not begun, or take one that has ended off the list",
        "A task under way is refused. What is in the archive stays there.",
    ),
    Content: ("Download a file", ""),
    Operation: ("", ""),
}
_SUBMISSIONS = {  # by format
    "openai_videos": "What it is made of follows from what there is: words alone, or pictures too.",
    "reelkeep": "The task is recorded before the provider is called, and followed to its end whatever happens then. "
    "What is refused with 4xx is not generated, and not paid for.",
    "video_generations": "What it is made of follows from what there is: words alone, or pictures too.",
    "vidu_ent_v2": "The answer repeats what was asked for. Fields that Vidu adds later pass, too.",
    "vidu_native": "What the images are for follows from how many there are.",
    "vidu_v1": "Words and pictures are prompts alike; `type` says what is made of them.",
    "volc_ark": "Words, pictures, films and sounds are its `content`.",
}
_ABOUT_CALLBACKS = (
    f"`{CALLBACKS}` is the webhook of every `callback_url`: its secret and its deliveries are managed like another's."
)
_OPERATIONS = {
    # tasks
    "listTasks": (
        "List tasks, newest first",
        (
            "A task is listed if it fits every filter. A filter that is repeated admits any of its values. Pages "
            "stay as they are while new tasks arrive. One request reads some thousands of tasks at most: when few "
            "fit, a page may hold few or none and have a `next_cursor` all the same."
        ),
    ),
    "showTask": (
        "Show a task",
        (
            "A task whose state is `success` has every video in the archive, and names each other file that is not "
            "there as `missing`, with the reason."
        ),
    ),
    "changeTask": (
        "Star or tag a task",
        "What is left out stays as it is. Nothing else becomes of the task, and nothing is announced.",
    ),
    "hideTask": (
        "Hide a task",
        (
            "It is listed no more, in no format, and its id is not found; only `hidden=true` lists it. What is under "
            "way goes on, what is in the archive stays there, and permanent links go on working. `restore` undoes it "
            "for 30 days."
        ),
    ),
    "restoreTask": (
        "Bring a hidden task back",
        "Whichever format hid it. After 30 days that is refused. A task in sight stays as it is.",
    ),
    "revokeTaskLinks": (
        "Get other permanent links",
        (
            "Those that there were lead nowhere from now on. What somebody has followed already works for an hour. "
            "Also of a hidden task."
        ),
    ),
    "eraseTask": (
        "Erase a task for good",
        (
            "Deletes every version of its files, what it was asked for, and what was sent about it; its links lead "
            "nowhere at once. What stays is its id, its times, its provider and how it ended. It cannot be undone. "
            "A repetition finishes what an error left undone. A task under way is refused. What the provider holds, "
            "and what was sent already, is beyond our reach."
        ),
    ),
    "quoteSubmission": (
        "Say what a submission would cost",
        (
            "At each provider that serves the model, the cheapest first. The body is that of a submission; nothing "
            "is submitted or recorded. A provider that cannot do it says why. An amount that is not known is null."
        ),
    ),
    "showUsage": (
        "Show what your tasks cost",
        (
            "A task counts on the day of its submission (UTC): as reserved until its provider is done, then as "
            "charged, or not at all if it failed in a way that is not billed. A change shows within seconds."
        ),
    ),
    "exportUsage": ("Export what your tasks cost", "The same as `/usage`, as comma-separated values."),
    "listProviders": (
        "List the providers",
        "In the order of the configuration. The first whose pattern fits a model serves it.",
    ),
    # subscriptions
    "subscribe": (
        "Subscribe to notices",
        (
            "Notices of your own tasks, and of no others, whatever the filter says. Each is a CloudEvent; "
            "`/asyncapi.json` describes them. They come by Amazon SNS, which first asks an e-mail address, a URL, or "
            "a queue of another account to confirm. A new or changed filter needs up to 15 minutes."
        ),
    ),
    "listSubscriptions": (
        "List your subscriptions, oldest first",
        "Does not check whether one was ended at its endpoint.",
    ),
    "showSubscription": (
        "Show a subscription",
        "Checks whether it is confirmed by now, or was ended at its endpoint.",
    ),
    "changeSubscription": (
        "Change a subscription's filter, pause it, or resume it",
        "Notices of the time in which it is paused are not sent later. SNS takes up to 15 minutes to follow.",
    ),
    "unsubscribe": ("End a subscription", "A second time changes nothing."),
    # webhooks
    "createWebhook": (
        "Create a webhook",
        (
            "Every message is signed as Standard Webhooks has it, and sent again for about a day until the answer is "
            f"2xx. There can be {MAX_WEBHOOKS} webhooks."
        ),
    ),
    "listWebhooks": ("List the webhooks", f"Without `{CALLBACKS}`, which everybody has."),
    "showWebhook": ("Show a webhook", _ABOUT_CALLBACKS),
    "changeWebhook": ("Change, pause or resume a webhook", "What is left out stays as it is."),
    "deleteWebhook": ("Delete a webhook", "What was still to be sent to it is not sent."),
    "rotateWebhookSecret": (
        "Get another secret",
        f"For 24 hours, messages are signed with the one before, too. {_ABOUT_CALLBACKS}",
    ),
    "sendTestEvent": (
        "Send a test event",
        "At once, and signed as any other; `GET` the delivery to see whether it arrived.",
    ),
    "listDeliveries": ("List what was sent, newest first", f"Of the last 30 days. {_ABOUT_CALLBACKS}"),
    "showDelivery": ("Show what was sent", "With every attempt, and what came back."),
    "replayDelivery": ("Send it again", "At once, under the same `webhook-id`, with the same body."),
    # keys
    "createKey": (
        "Make a key",
        (
            f"It can do what yours can, or less, and is shown this once. There can be {MAX_KEYS} good ones, and "
            f"{MAX_KEPT_KEYS} with those that were revoked or have ended, "
            f"which are forgotten after {KEPT_FOR.days} days."
        ),
    ),
    "listKeys": ("List your keys", "Without the keys themselves: only a hash of each is kept."),
    "revokeKey": ("Revoke a key", "At once and for good, also the one that you send with it."),
    # dead letters
    "listDeadLetters": (
        "List dead letters",
        "What failed for good, after every retry. Who reads them in the same seconds may miss some.",
    ),
    "replayDeadLetters": (
        "Replay dead letters",
        "An unfinished task gets another execution, or a sweep begins. What is done is deleted.",
    ),
    # owners
    "showOwnLimits": (
        "Show your limits",
        "And what is left of them right now, also of those of the key that you send.",
    ),
    "listOwners": ("List owners", "With their limits, and what is left of them."),
    "showOwner": ("Show an owner", "`*` shows what new owners begin with."),
    "replaceOwner": (
        "Settle what holds for an owner",
        (
            "At once, for all of its keys. What is not said is as for an owner without settings. An owner begins "
            "with its first key; what is said of `*` is what new owners begin with."
        ),
    ),
    "changeOwner": ("Change what holds for an owner", "What is not said stays as it is."),
    "stopProvider": (
        "Stop a provider",
        "Submissions to it are refused from now on, with 503. What is under way there is seen through.",
    ),
    "startProvider": ("Start a provider", "It gets submissions again."),
    # other formats
    "submitOpenaiVideo": ("Create a video", ""),
    "showOpenaiVideo": ("Retrieve a video", "The link to the file stays."),
    "listOpenaiVideos": ("List videos", "Every task of yours is a video here, in whatever format it came in."),
    "deleteOpenaiVideo": (
        "Delete a video",
        "What has not begun is cancelled; what has ended is listed no more, and the archive keeps it.",
    ),
    "downloadOpenaiVideo": ("Download a video", "Leads to the file in the archive, once the video is completed."),
    "listModels": (
        "List the models",
        "Those that the configuration of the providers names; others may be served as well.",
    ),
    "showVideoGeneration": (
        "Show a task",
        (
            "The link to the file is there once it is completed, and stays. The same stands in `data` as well, in "
            "the envelope that new-api's releases answer with."
        ),
    ),
}
ERRORS: Mapping[str, tuple[type[ClientError], ...]] = {  # that do not follow from what an operation takes
    "restoreTask": (Conflict,),
    "eraseTask": (Conflict,),
    "subscribe": (LimitReached, Conflict),
    "showSubscription": (Conflict,),
    "changeSubscription": (LimitReached, Conflict),
    "createKey": (LimitReached,),
    "replayDeadLetters": (NotFound,),
    "changeWebhook": (NotAllowed,),
    "deleteWebhook": (NotAllowed,),
    "sendTestEvent": (InvalidRequest, NotAllowed),
    "listDeliveries": (InvalidRequest,),
    "replayDelivery": (InvalidRequest,),
}


def summary_and_details(dialect: Dialect, route: Route) -> tuple[str, str]:
    summary, details = _OPERATIONS.get(route.operation, _KINDS.get(type(route), _KINDS[Operation]))
    if isinstance(route, Submit):
        details = _SUBMISSIONS.get(dialect.name, details)
    if not details and any(isinstance(parameter, Words) for parameter in route.parameters):
        details = "A task is listed if it fits every filter. Each filter admits any of its values."
    if isinstance(route, List) and route.window:
        details += f" Reaches {route.window.days} days back if the query says nothing else."
    ends = {_last_word(each.path) for each in dialect.routes if type(each) is type(route)}
    is_one_of_many = len(ends) > 1 and route.operation not in _OPERATIONS
    return f"{summary}: {_last_word(route.path)}" if is_one_of_many else summary, details.lstrip()


def _last_word(path: str) -> str:
    return [part for part in path.split("/") if "{" not in part][-1]
