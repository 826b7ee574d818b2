"""The HTTP API, from an event to its response, in the dialects that clients speak."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from reelkeep.api import Api
from reelkeep.dialects import all_dialects, dialect_of
from reelkeep.dialects.dialect import LARGEST_BODY, LARGEST_IN_BASE64, AnyRoute, Dialect, Http, Reply, Submit
from reelkeep.domain.claims import key_reused
from reelkeep.domain.errors import BodyTooLarge, InvalidRequest, Misconfigured, NotFound, TryLater
from reelkeep.domain.listing import Listing, Page
from reelkeep.domain.scopes import Scope
from reelkeep.domain.task import Failure, FailureClass, State, Task
from reelkeep.domain.upstream import Upstream
from reelkeep.ports import Caller
from reelkeep.public import callback
from reelkeep.services.forecasts import Estimate
from reelkeep.services.query import FindPlace
from tests.fakes import FakeKeys
from tests.for_each import for_each
from tests.submissions import submission
from tests.unit.services.harness import ALICE, MALLORY, Harness

KEYS = {"rk_alice": ALICE, "rk_mallory": MALLORY}
REQUEST_ID = "JKJaXmPLvHcESHA="
TASK = {"model": "viduq2", "prompt": "a paper boat", "duration": 4, "resolution": "720p"}


class KnownKeys:
    def caller(self, key: str) -> Caller | None:
        return KEYS.get(key)


def event(method: str, path: str, body: object = None, query: str = "", **headers: str) -> dict[str, Any]:
    sent = {"Authorization": "Token rk_alice", **{name.replace("_", "-"): value for name, value in headers.items()}}
    made: dict[str, Any] = {
        "rawPath": path,
        "rawQueryString": query,
        "headers": {name.lower(): value for name, value in sent.items() if value},
        "requestContext": {"requestId": REQUEST_ID, "http": {"method": method, "path": path}},
    }
    if body is not None:
        made["body"] = body if isinstance(body, str) else json.dumps(body)
    return made


class Client:
    """Both functions of the API on one harness."""

    def __init__(self) -> None:
        self.harness = Harness()

        def show(task_id: str, caller: Caller) -> Task:
            task = self.harness.tasks.get(task_id)
            if task is None or task.owner != caller.owner:
                raise NotFound("no such task", field="task_id")
            return task

        def list_tasks(listing: Listing, caller: Caller, window: object) -> Page:
            return self.harness.tasks.page(caller.owner, listing)

        self.api = Api(
            keys=KnownKeys(),
            logger=Logger(service="test"),
            submit=self.harness.submit,
            cancel=self.harness.cancel,
            show=show,
            find_place=FindPlace(self.harness.slots, self.harness.forecasts, self.harness.clock),
            estimate=Estimate(self.harness.forecasts, self.harness.clock),
            list_tasks=list_tasks,
            services={
                "list_providers": lambda _, caller: [Upstream(f"of-{caller.owner}", "volc_ark", ("ep-*",), True)]
            },
            links=lambda kept: f"https://keep.test/{kept.key}",
            public={
                "GET /docs": lambda http: Reply(body="<html>", headers={"content-type": "text/html"}),
                "GET /files/": lambda http: Reply(status=302, headers={"location": http.path}),
            },
        )

    def __call__(self, *args: Any, **kwargs: Any) -> tuple[int, Any]:
        response = self.api.handle(event(*args, **kwargs))
        body = response["body"]
        return response["statusCode"], json.loads(body) if "json" in response["headers"]["content-type"] else body


@pytest.fixture
def call() -> Client:
    return Client()


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Token rk_alice"},
        {"Authorization": "Bearer rk_alice"},
        {"Authorization": "bearer  rk_alice "},
        {"Authorization": "", "x_api_key": "rk_alice"},
    ],
)
def test_a_key_may_come_in_any_of_three_ways(call: Client, headers: dict[str, str]) -> None:
    assert call("GET", "/tasks", **headers)[0] == 200


@pytest.mark.parametrize("value", ["", "Token", "Token rk_wrong", "Basic cms6", "rk_alice"])
@pytest.mark.parametrize(("path", "shape"), [("/ent/v2/tasks", "reason"), ("/tasks", "title")])
def test_a_missing_or_wrong_key_gets_the_dialects_own_401(call: Client, value: str, path: str, shape: str) -> None:
    status, body = call("GET", path, Authorization=value)
    assert status == 401
    assert shape in body


ROUTES = [(f"{route.method} {route.path}", route) for dialect in all_dialects() for route in dialect.routes]


@for_each("name, route", ROUTES)
def test_a_key_without_the_scope_that_a_route_needs_is_refused_in_the_clients_words(
    name: str, route: AnyRoute
) -> None:
    path = route.path.replace("{task_id}", "0" * 32).replace("{", "").replace("}", "")
    scopes = frozenset(Scope) - {route.needs}
    keys = FakeKeys({"rk_alice": replace(ALICE, scopes=scopes), "rk_wider": replace(ALICE, scopes=frozenset(Scope))})
    answer = Api(keys=keys, logger=Logger(service="test")).handle(event(route.method, path, {}))
    assert (answer["statusCode"], f"lacks the scope {route.needs}" in answer["body"]) == (403, True)
    with_it = event(route.method, path, {}, Authorization="Bearer rk_wider")
    assert Api(keys=keys, logger=Logger(service="test")).handle(with_it)["statusCode"] != 403


def test_what_reads_submits_and_changes_needs_a_scope_of_its_own() -> None:
    needs = {name: route.needs for name, route in ROUTES}
    submits = {name for name, route in ROUTES if isinstance(route, Submit)}
    assert {name for name in needs if needs[name] is Scope.SUBMIT} == submits
    reads = {name for name in needs if name.startswith("GET ")} | {"POST /quote"}
    assert {name for name in needs if needs[name] is Scope.READ} == reads


def test_a_task_submitted_in_one_dialect_is_shown_in_the_other(call: Client) -> None:
    _, submitted = call("POST", "/ent/v2/text2video", TASK)
    status, shown = call("GET", f"/tasks/{submitted['task_id']}")
    assert (status, shown["id"], shown["prompt"]) == (200, submitted["task_id"], "a paper boat")
    _, made = call("POST", "/tasks", {**TASK, "kind": "text2video"})
    status, creations = call("GET", f"/ent/v2/tasks/{made['id']}/creations")
    assert (status, creations["id"], creations["creations"]) == (200, made["id"], [])


def test_another_owners_task_is_answered_as_one_that_does_not_exist(call: Client) -> None:
    _, mine = call("POST", "/tasks", {**TASK, "kind": "text2video"})
    absent = call("GET", "/tasks/" + "0" * 32, Authorization="Token rk_mallory")
    others = call("GET", f"/tasks/{mine['id']}", Authorization="Token rk_mallory")
    assert absent[0] == others[0] == 404
    assert others[1]["title"] == absent[1]["title"]


@pytest.mark.parametrize("path", ["/ent/v2/text2video", "/tasks"])
@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", '"x"', "[" * 100_000, '{"prompt": NaN}', '{"prompt": "\\ud800"}']
)
def test_a_body_that_is_no_json_object_is_refused_and_nothing_is_recorded(call: Client, path: str, body: str) -> None:
    status, _ = call("POST", path, body)
    assert status == 400
    assert not list(call.harness.tasks.unfinished())
    assert call.harness.provider.dispatched == []


def test_an_unknown_kind_is_refused_in_the_dialect(call: Client) -> None:
    status, body = call("POST", "/ent/v2/text2opera", TASK)
    assert (status, body["reason"]) == (404, "NotFound")


@for_each(
    "path, allowed",
    [
        ("/tasks", "GET, POST"),
        (f"/tasks/{'0' * 32}", "DELETE, GET, PATCH"),
        (f"/tasks/{'0' * 32}/cancel", "POST"),
        ("/v1/videos", "GET, POST"),
    ],
)
def test_a_method_that_a_path_does_not_know_is_answered_with_those_that_it_does(path: str, allowed: str) -> None:
    response = Client().api.handle(event("PUT", path))
    assert (response["statusCode"], response["headers"]["allow"]) == (405, allowed)


def test_a_path_that_is_not_there_is_not_found(call: Client) -> None:
    assert call("GET", "/nothing")[0] == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/tasks", {"kind": "text2video", **TASK}),
        ("/ent/v2/text2video", TASK),
        ("/v1/video/generations", {"model": "viduq2", "prompt": "a boat"}),
        ("/api/v3/contents/generations/tasks", {"model": "ep-1", "content": [{"type": "text", "text": "a boat"}]}),
    ],
)
def test_a_submission_in_any_dialect_is_tagged_by_a_header(call: Client, path: str, body: object) -> None:
    status, _ = call("POST", path, body, reelkeep_tags="campaign-7, summer")
    assert status in (200, 201)
    (task,) = call.harness.tasks.recorded.values()
    assert task.request.tags == ("campaign-7", "summer")


def test_tags_of_the_header_come_to_those_of_the_body(call: Client) -> None:
    body = {"kind": "text2video", **TASK, "tags": ["a", "b"]}
    _, task = call("POST", "/tasks", body, reelkeep_tags="b, c")
    assert task["tags"] == ["a", "b", "c"]
    assert call("GET", f"/tasks/{task['id']}")[1]["tags"] == ["a", "b", "c"]
    assert call("POST", "/tasks", {**body, "tags": list("abcdefghij")}, reelkeep_tags="k")[0] == 400


def test_a_bad_tag_is_refused_in_the_dialect_s_words_and_nothing_is_generated(call: Client) -> None:
    status, body = call("POST", "/ent/v2/text2video", TASK, reelkeep_tags="what is this?")
    assert (status, body["reason"]) == (400, "FieldInvalid")
    assert "Reelkeep-Tags" in body["message"]
    status, body = call("POST", "/tasks", {"kind": "text2video", **TASK, "tags": ["no space"]})
    assert (status, body["errors"][0]["field"]) == (400, "tags[0]")
    assert call.harness.tasks.recorded == {}


def test_a_task_that_waits_shows_its_priority_its_place_and_when_it_should_start(call: Client) -> None:
    call.harness.provider.slots = 1
    body = {"kind": "text2video", **TASK}
    call("POST", "/tasks", body)
    waiting = [call("POST", "/tasks", {**body, "priority": priority})[1]["id"] for priority in ("low", "high")]
    low, high = (call("GET", f"/tasks/{task_id}")[1] for task_id in waiting)
    assert [(each["state"], each["priority"]) for each in (low, high)] == [("created", "low"), ("created", "high")]
    assert [each["waiting"]["position"] for each in (low, high)] == [2, 1]
    assert low["waiting"]["expected_start"] > high["waiting"]["expected_start"] > high["created_at"]
    assert call("POST", f"/tasks/{waiting[0]}/cancel")[1]["waiting"] is None


def test_every_dialect_takes_the_priority_as_a_header(call: Client) -> None:
    call("POST", "/ent/v2/text2video", TASK, reelkeep_priority="high")
    [task] = call.harness.tasks.recorded.values()
    assert task.request.priority == "high"


def test_an_unknown_priority_is_refused_with_the_field_and_the_reason_in_the_dialect_s_words(call: Client) -> None:
    status, body = call("POST", "/ent/v2/text2video", TASK, reelkeep_priority="urgent")
    assert (status, body["reason"]) == (400, "FieldInvalid")
    assert "Reelkeep-Priority must be one of high, normal, low" in body["message"]
    status, body = call("POST", "/tasks", {"kind": "text2video", **TASK, "priority": "urgent"})
    assert (status, body["errors"][0]["field"]) == (400, "priority")
    assert "high, normal, low" in body["errors"][0]["message"]
    assert call.harness.tasks.recorded == {}


def test_a_public_page_needs_no_key(call: Client) -> None:
    assert call("GET", "/docs", Authorization="") == call("GET", "/docs/", Authorization="") == (200, "<html>")
    link = call.api.handle(event("GET", "/files/token/task/1-video.mp4", Authorization=""))
    assert (link["statusCode"], link["headers"]["location"]) == (302, "/files/token/task/1-video.mp4")


@pytest.mark.parametrize("path", ["/docs/anything", "/docset", "/openapi.json/x", "/files", "/", "/%2e%2e/docs"])
def test_what_lies_beside_or_below_a_public_page_is_not_there(call: Client, path: str) -> None:
    assert call("GET", path)[0] == 404
    assert call("GET", path, Authorization="")[0] == 401


@pytest.mark.parametrize(
    ("path", "shape"),
    [("/ent/v2", "reason"), ("/ent/v2/", "reason"), ("/vidu/v1", "reason"), ("/api/v3", "error"), ("/v1", "error")],
)
def test_a_dialects_own_folder_is_answered_in_its_words(call: Client, path: str, shape: str) -> None:
    status, body = call("GET", path)
    assert status == 404
    assert shape in body


def test_the_log_says_why_a_call_was_refused(call: Client, caplog: pytest.LogCaptureFixture) -> None:
    call("POST", "/ent/v2/text2video", {**TASK, "prompt": "", "model": "hunter2"})
    (record,) = map(vars, caplog.records)
    said = {name: record[name] for name in ("message", "method", "dialect", "status", "error", "field")}
    assert said == {
        "message": "refused",
        "method": "POST",
        "dialect": "vidu_ent_v2",
        "status": 400,
        "error": "Missing",
        "field": "prompt",
    }
    assert "hunter2" not in str(record)


def test_the_log_holds_no_more_of_a_fields_name_than_it_takes_to_know_it(
    call: Client, caplog: pytest.LogCaptureFixture
) -> None:
    call.harness.provider.refuses = InvalidRequest("there is no such field", field="x" * 10_000)
    assert call("POST", "/ent/v2/text2video", TASK)[0] == 400
    (record,) = map(vars, caplog.records)
    assert record["field"] == "x" * 100


@pytest.mark.parametrize(
    "field", ["a\\1", "a.\\g<b>", "a(", "x" * 1_000_000], ids=["group", "name", "bracket", "long"]
)
def test_a_field_of_any_name_can_be_what_is_wrong(call: Client, field: str) -> None:
    call.harness.provider.refuses = InvalidRequest(f"{field} is no field", field=field)
    status, body = call("POST", "/ent/v2/text2video", TASK)
    assert (status, field in body["message"]) == (400, True)


@pytest.mark.parametrize("path", ["*", "", "tasks", "//ent/v2/tasks"])
def test_a_path_that_is_none_is_answered_all_the_same(call: Client, path: str) -> None:
    assert call("GET", path)[0] in (200, 404)


def test_of_what_went_well_the_log_says_only_what_was_accepted_for_the_rest_is_in_the_apis_access_log(
    call: Client, caplog: pytest.LogCaptureFixture
) -> None:
    assert call("POST", "/ent/v2/text2video", TASK)[0] == 200
    assert call("GET", "/ent/v2/tasks")[0] == 200
    assert [record.message for record in caplog.records] == ["task accepted"]


def test_a_fault_of_ours_is_a_500_in_the_dialect_that_says_nothing_of_it(
    call: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    call.harness.provider.refuses = RuntimeError("the secret is hunter2")
    for path in ("/ent/v2/text2video", "/tasks"):
        status, body = call("POST", path, {**TASK, "kind": "text2video"} if path == "/tasks" else TASK)
        assert status == 500
        response = call.api.handle(event("POST", path, {**TASK, "kind": "text2video"} if path == "/tasks" else TASK))
        assert response["headers"]["x-should-retry"] == "false"  # nobody may be made to pay twice
        assert "hunter2" not in json.dumps(body)


@pytest.mark.parametrize("dialect", all_dialects(), ids=lambda dialect: dialect.name)
def test_a_wrong_configuration_is_a_500_that_says_who_must_mend_it(call: Client, dialect: Dialect) -> None:
    call.harness.provider.refuses = Misconfigured("the providers' configuration is wrong: ark.base_url: no address")
    response = call.api.handle(event("POST", *submission(dialect.name, "m", "a boat")))
    assert (response["statusCode"], response["headers"]["x-should-retry"]) == (500, "false")
    assert "not configured as it should be" in response["body"]
    assert "ark.base_url" not in response["body"]
    assert list(call.harness.tasks.unfinished()) == []


def test_a_body_sent_in_base64_is_read(call: Client) -> None:
    sent = event("POST", "/tasks", {**TASK, "kind": "text2video"})
    sent |= {"body": base64.b64encode(sent["body"].encode()).decode(), "isBase64Encoded": True}
    assert call.api.handle(sent)["statusCode"] == 201


SUBMISSIONS = [
    ("/tasks", {**TASK, "kind": "text2video"}),
    ("/ent/v2/text2video", TASK),
    (
        "/vidu/v1/tasks",
        {
            "type": "text2video",
            "input": {"prompts": [{"type": "text", "content": "a paper boat"}]},
            "settings": {"model": "vidu-1", "duration": 4},
        },
    ),
    ("/vidu-native/video/generations", {"model": "viduq2", "prompt": "a paper boat"}),
    ("/api/v3/contents/generations/tasks", {"model": "m", "content": [{"type": "text", "text": "a paper boat"}]}),
    ("/kling/v1/videos/text2video", {"model_name": "viduq2", "prompt": "a paper boat"}),
    ("/v1/video/generations", {"model": "viduq2", "prompt": "a paper boat"}),
    ("/v1/videos", {"model": "viduq2", "prompt": "a paper boat"}),
]


def test_every_dialect_is_among_these_submissions() -> None:
    assert {dialect_of(path).name for path, _ in SUBMISSIONS} == {dialect.name for dialect in all_dialects()}


@pytest.mark.parametrize(("path", "body"), SUBMISSIONS, ids=[path for path, _ in SUBMISSIONS])
def test_a_body_is_as_large_as_a_function_can_be_given_and_beyond_that_refused_in_the_dialect(
    call: Client, path: str, body: dict[str, Any]
) -> None:
    """Of what the gateway does not know as text a quarter less: that comes in base64."""
    sent = event("POST", path, body)
    for limit, in_base64 in ((LARGEST_BODY, False), (LARGEST_IN_BASE64, True)):
        for size, refused in ((limit, False), (limit + 1, True)):
            text = sent["body"].ljust(size)
            said = base64.b64encode(text.encode()).decode() if in_base64 else text
            assert len(said) + 32_768 >= 6_291_456 or not refused
            answer = call.api.handle(sent | {"body": said, "isBase64Encoded": in_base64})
            assert (answer["statusCode"] == 413) == refused
            too_large = BodyTooLarge(f"the body has {size} bytes, the limit for its type is {limit}")
            expected = dialect_of(path).render_error(too_large, Http(method="POST", path=path))
            assert not refused or json.loads(answer["body"]) == expected.body


@pytest.mark.parametrize(("path", "body"), SUBMISSIONS, ids=[path for path, _ in SUBMISSIONS])
def test_a_repeated_key_gives_the_same_answer_in_every_dialect(call: Client, path: str, body: object) -> None:
    first = call("POST", path, body, idempotency_key="k")
    assert first[0] in (200, 201)
    assert call("POST", path, json.dumps(body, indent=3), idempotency_key="k") == first
    assert len(call.harness.provider.dispatched) == 1


@pytest.mark.parametrize(("path", "body"), SUBMISSIONS, ids=[path for path, _ in SUBMISSIONS])
def test_a_key_of_another_request_is_refused_in_every_dialect_s_own_words(
    call: Client, path: str, body: dict[str, Any]
) -> None:
    call("POST", path, body, idempotency_key="k")
    status, said = call("POST", path, {**body, "provider": "vidu"}, idempotency_key="k")
    assert status == 422
    expected = dialect_of(path).render_error(key_reused(), Http(method="POST", path=path))
    assert (said, expected.status) == (expected.body, 422)
    assert "Idempotency-Key" in json.dumps(said)
    assert len(call.harness.provider.dispatched) == 1


@pytest.mark.parametrize(("path", "body"), SUBMISSIONS, ids=[path for path, _ in SUBMISSIONS])
def test_a_key_that_cannot_be_one_is_refused_in_every_dialect(call: Client, path: str, body: object) -> None:
    status, said = call("POST", path, body, idempotency_key="x" * 256)
    assert status == 400
    assert "Idempotency-Key" in json.dumps(said)


def test_a_client_that_sent_a_key_may_repeat_after_a_fault_of_ours(call: Client) -> None:
    call.harness.provider.refuses = RuntimeError("broken")
    answer = call.api.handle(event("POST", "/ent/v2/text2video", TASK, idempotency_key="k"))
    assert answer["statusCode"] == 500
    assert "x-should-retry" not in answer["headers"]


def test_a_path_may_be_percent_encoded(call: Client) -> None:
    assert call("GET", "/tasks/%2e%2e%2fkeys")[0] == 404


def test_the_request_keeps_repeated_query_names_and_their_order() -> None:
    seen: list[Http] = []

    def watch(http: Http) -> Reply:
        seen.append(http)
        return Reply()

    client = Client()
    client.api.public["GET /docs"] = watch  # type: ignore[index]  # a dict here
    client.api.handle(event("GET", "/docs", query="a=1&b=&a=2%20x"))
    assert seen[0].query == (("a", "1"), ("b", ""), ("a", "2 x"))


def test_what_is_no_task_is_served_by_what_the_route_names(call: Client) -> None:
    shown = {"name": "of-alice", "dialect": "volc_ark", "models": ["ep-*"], "default": True}
    assert call("GET", "/providers") == (200, {"providers": [shown]})
    assert call("GET", "/providers", Authorization="")[0] == 401
    assert call("POST", "/providers")[0] == 405


GETS = [(dialect.name, route.path) for dialect in all_dialects() for route in dialect.routes if route.method == "GET"]


@pytest.mark.parametrize(("dialect", "path"), GETS)
def test_head_answers_wherever_get_does_and_as_it_does(call: Client, dialect: str, path: str) -> None:
    _, made = call("POST", "/tasks", {**TASK, "kind": "text2video"})
    path = path.replace("{task_id}", made["id"])
    got, head = (call.api.handle(event(method, path)) for method in ("GET", "HEAD"))
    assert head == got


@pytest.mark.parametrize(
    "path", ["/tasks", "/docs", "/files/a/b/c", "/v1/videos", "/nothing", "/ent/v2/tasks/x/creations"]
)
@pytest.mark.parametrize("key", ["Token rk_alice", ""])
def test_every_answer_carries_the_id_of_its_request(call: Client, path: str, key: str) -> None:
    answer = call.api.handle(event("GET", path, Authorization=key))
    assert answer["headers"]["x-request-id"] == REQUEST_ID


def test_a_fault_carries_the_id_of_its_request_too(call: Client) -> None:
    call.harness.provider.refuses = RuntimeError("broken")
    answer = call.api.handle(event("POST", "/ent/v2/text2video", TASK))
    assert (answer["statusCode"], answer["headers"]["x-request-id"]) == (500, REQUEST_ID)


def test_openai_s_list_of_models_has_each_that_is_configured_by_its_name_once(call: Client) -> None:
    upstreams = [
        Upstream("vidu", "vidu_ent_v2", ("vidu*", "viduq2"), True, "viduq2-pro"),
        Upstream("ark", "volc_ark", ("ep-1", "viduq2", "ep-[ab]", "ep-?"), False),
    ]
    call.api = replace(call.api, services={"list_models": lambda *_: upstreams})
    assert call("GET", "/v1/models") == (
        200,
        {
            "object": "list",
            "data": [
                {"id": "viduq2", "object": "model", "created": 0, "owned_by": "vidu"},
                {"id": "viduq2-pro", "object": "model", "created": 0, "owned_by": "vidu"},
                {"id": "ep-1", "object": "model", "created": 0, "owned_by": "ark"},
            ],
        },
    )
    assert call("GET", "/v1/models", Authorization="")[1]["error"]["code"] == "invalid_api_key"


def test_a_function_has_nothing_at_the_paths_of_another_one(call: Client) -> None:
    call.api = replace(call.api, services={})
    assert call("GET", "/providers")[0] == 404


@pytest.mark.parametrize("base", ["/video", "/v1", "/tasks/of/ours"])
def test_an_address_with_a_path_leads_to_the_same_and_the_path_is_in_what_we_name(call: Client, base: str) -> None:
    """Behind an API mapping the event has the mapping's path; behind a proxy that takes it away it has not."""
    call.api = replace(call.api, base_path=base)
    body = {**TASK, "kind": "text2video"}
    for path in (f"{base}/tasks", "/tasks"):
        made = call.api.handle(event("POST", path, body))
        task = json.loads(made["body"])
        assert (made["statusCode"], made["headers"]["location"]) == (201, f"{base}/tasks/{task['id']}")
        assert call("GET", made["headers"]["location"]) == (200, task)
    assert call("GET", f"{base}/docs/") == (200, "<html>")
    assert call("POST", f"{base}/ent/v2/text2video", TASK)[0] == 200
    assert call("GET", f"{base}/nothing")[1]["type"] == f"{base}/docs#problem-not-found"
    call.harness.provider.refuses = RuntimeError("broken")
    assert call("POST", f"{base}/tasks", body)[1]["type"] == f"{base}/docs#problem-fault"
    assert call("GET", f"{base}s/docs")[0] == 404


@pytest.mark.parametrize(
    ("path", "body", "name"),
    [("/tasks", {**TASK, "kind": "text2video"}, "id"), ("/ent/v2/text2video", TASK, "task_id")],
)
def test_a_task_whose_own_words_are_larger_than_an_answer_is_shown_without_them(
    call: Client, path: str, body: dict[str, Any], name: str
) -> None:
    """A control character takes six bytes of the body, and seven of an answer."""
    payload = "\x01" * 1_000_000
    made = call.api.handle(event("POST", path, {**body, "payload": payload}))
    task = call.harness.tasks.recorded[json.loads(made["body"])[name]]
    whole = replace(task, request=replace(task.request, payload=payload))
    call.api = replace(call.api, show=lambda *_: whole)
    shown = call.api.handle(event("GET", f"/tasks/{task.id}"))
    for answer in (made, shown):
        assert answer["statusCode"] in (200, 201)
        assert len(json.dumps(answer, ensure_ascii=False).encode()) < 6_291_456
        assert task.id in answer["body"]


def long_tasks(call: Client, count: int) -> set[str]:
    """So many tasks of whose listings none fits an answer; their ids."""
    _, made = call("POST", "/tasks", {**TASK, "kind": "text2video"})
    task = call.harness.tasks.recorded.pop(made["id"])
    request = replace(task.request, prompt='"' * 100_000)
    failure = Failure(reason=FailureClass.CREDIT, message=request.prompt)
    ids = {f"{number:032x}" for number in range(1, count + 1)}
    for task_id in ids:
        long = replace(task, id=task_id, request=request, state=State.FAILED, failure=failure)
        call.harness.tasks.recorded[task_id] = long
    return ids


def listed(call: Client, path: str, query: str) -> tuple[int, Any]:
    answer = call.api.handle(event("GET", path, query=query))
    assert len(json.dumps(answer, ensure_ascii=False).encode()) < 6_291_456
    return answer["statusCode"], json.loads(answer["body"])


@pytest.mark.parametrize(
    ("path", "size", "items", "cursor", "next_cursor"),
    [
        ("/tasks", "limit", "tasks", "cursor", "next_cursor"),
        ("/ent/v2/tasks", "pager.pagesz", "tasks", "pager.page_token", "next_page_token"),
        ("/v1/videos", "limit", "data", "after", "last_id"),
    ],
)
def test_a_listing_larger_than_an_answer_is_cut_and_goes_on_with_its_cursor(
    call: Client, path: str, size: str, items: str, cursor: str, next_cursor: str
) -> None:
    ids, after = long_tasks(call, 40), ""
    seen: list[str] = []
    while len(seen) < len(ids):
        status, body = listed(call, path, f"{size}=100{after}")
        assert (status, bool(body[items])) == (200, True)
        seen += [each["id"] for each in body[items]]
        after = f"&{cursor}={body[next_cursor]}"
    assert (len(seen), set(seen)) == (len(ids), ids)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/v3/contents/generations/tasks", "page_num=1&page_size="),
        ("/kling/v1/videos/text2video", "pageNum=1&pageSize="),
        ("/ent/v2/tasks", "pager.page=1&pager.pagesz="),
    ],
)
def test_where_pages_have_numbers_a_smaller_page_is_asked_for(call: Client, path: str, query: str) -> None:
    """Cut, it would lose tasks: the next number passes over as many as were asked for."""
    long_tasks(call, 40)
    status, body = listed(call, path, f"{query}20")
    assert (status, "fewer tasks a page" in json.dumps(body)) == (400, True)
    assert listed(call, path, f"{query}5")[0] == 200


def test_a_provider_calls_without_a_key_and_is_heard_at_the_one_address_only(call: Client) -> None:
    heard: list[tuple[str, str]] = []

    def wake(token: str, task_id: str, headers: Mapping[str, str]) -> None:
        heard.append((token, task_id))

    call.api = replace(call.api, public={"POST /wake/": partial(callback, accept=wake, logger=call.api.logger)})
    response = call.api.handle(event("POST", "/wake/token/task", "<whatever>", Authorization=""))
    assert (response["statusCode"], response["body"]) == (204, "")
    for path in ("/wake/token", "/wake/token/task/more"):
        assert call("POST", path, Authorization="")[0] == 404
    assert call("GET", "/wake/token/task", Authorization="")[0] == 401
    assert heard == [("token", "task")]


def test_a_provider_is_asked_to_call_again_when_we_are_in_trouble(call: Client) -> None:
    def wake(*_: object) -> None:
        raise TryLater("the table is out of order")

    call.api = replace(call.api, public={"POST /wake/": partial(callback, accept=wake, logger=call.api.logger)})
    response = call.api.handle(event("POST", "/wake/token/task", Authorization=""))
    assert (response["statusCode"], response["body"], response["headers"]["retry-after"]) == (503, "", "1")
