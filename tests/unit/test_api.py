"""The HTTP API, from an event to its response, in the dialects that clients speak."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import pytest
from aws_lambda_powertools import Logger

from reelkeep.api import Api
from reelkeep.dialects import all_dialects
from reelkeep.dialects.dialect import AnyRoute, Dialect, Http, Reply, Submit
from reelkeep.domain.errors import InvalidRequest, Misconfigured, TryLater
from reelkeep.domain.scopes import Scope
from reelkeep.domain.upstream import Upstream
from reelkeep.public import callback
from tests.fakes.owners import FakeKeys
from tests.for_each import for_each
from tests.submissions import submission
from tests.unit.api_harness import REQUEST_ID, TASK, Client, event
from tests.unit.services.harness import ALICE


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
    operates = {name for name in needs if needs[name] is Scope.OPERATE}
    assert all(name.split()[1].startswith(("/dead-letters", "/owners", "/providers/")) for name in operates)
    reads = {name for name in needs if name.startswith("GET ")} - operates | {"POST /quote"}
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
    assert "misconfigured" in response["body"]
    assert "ark.base_url" not in response["body"]
    assert list(call.harness.tasks.unfinished()) == []


def test_a_body_sent_in_base64_is_read(call: Client) -> None:
    sent = event("POST", "/tasks", {**TASK, "kind": "text2video"})
    sent |= {"body": base64.b64encode(sent["body"].encode()).decode(), "isBase64Encoded": True}
    assert call.api.handle(sent)["statusCode"] == 201


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
    shown = {"name": "of-alice", "dialect": "volc_ark", "models": ["ep-*"], "default": True, "stopped": False}
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
