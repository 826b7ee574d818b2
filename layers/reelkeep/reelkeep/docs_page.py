"""The page that shows an OpenAPI document: plain HTML with nothing to load and nothing to run.

A page of ours and not a bundled one: those weigh megabytes in a layer that every function unpacks, and run a
script that must be kept up to date. This one works offline, without a script, and with a policy that forbids both.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any
from urllib.parse import urlencode

from reelkeep.docs_style import STYLE

Node = Mapping[str, Any]  # a part of the document
_EXPLAINED = "x-enumDescriptions"  # what other tools read, too: what each value of an enum means


def policy() -> str:
    """The Content-Security-Policy under which the page works."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


def page(document: Node) -> str:
    return "".join(_Page(document).html())


class _Page:
    def __init__(self, document: Node) -> None:
        self._document = document
        self._schemas: Node = document["components"]["schemas"]
        self._url = escape(document["servers"][0]["url"])
        self._shown: set[str] = set()  # the schemas that stand at the operation that takes them
        self._groups = {
            tag["name"]: [
                (method, path, operation)
                for path, methods in document["paths"].items()
                for method, operation in methods.items()
                if tag["name"] in operation["tags"]
            ]
            for tag in document["tags"]
        }

    def html(self) -> Iterator[str]:
        info = self._document["info"]
        yield (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{escape(policy())}">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
            f"<title>{escape(info['title'])} API</title><style>{STYLE}</style></head><body>"
            '<a class="skip" href="#content">Skip to the content</a>'
        )
        yield from self._navigation()
        yield (
            f'<main id="content"><header><h1>{escape(info["title"])} API '
            f'<span class="version">{escape(info["version"])}</span></h1>{_prose(info.get("description", ""))}'
            f'<p><a href="{self._url}/openapi.json">OpenAPI document</a> · '
            f'<a href="{self._url}/asyncapi.json">events, as an AsyncAPI document</a></p></header>'
        )
        yield from self._beginning()
        for tag in self._document["tags"]:
            yield from self._group(tag)
        yield '<section aria-labelledby="schemas"><h2 id="schemas">Schemas</h2>'
        for name, schema in self._schemas.items():
            if name not in self._shown:
                yield f'<article class="schema" id="schema-{escape(name)}"><h3>{_anchor(f"schema-{name}", name)}</h3>'
                yield from self._schema(schema)
                yield "</article>"
        yield "</section></main></body></html>"

    def _navigation(self) -> Iterator[str]:
        yield '<nav aria-label="Contents"><a class="brand" href="#content">'
        yield f'{escape(self._document["info"]["title"])} API</a><ul><li><a href="#keys">Address and keys</a></li>'
        for name, operations in self._groups.items():
            yield f'<li><a href="#{escape(name)}">{escape(name)}</a><ul>'
            for method, path, operation in operations:
                yield (
                    f'<li><a href="#{escape(operation["operationId"])}" title="{escape(operation["summary"])}">'
                    f"{_badge(method)}<span>{_path(path)}</span></a></li>"
                )
            yield "</ul></li>"
        yield '<li><a href="#schemas">Schemas</a></li></ul></nav>'

    def _beginning(self) -> Iterator[str]:
        yield '<section aria-labelledby="keys"><h2 id="keys">Address and keys</h2>'
        yield f"<p>Every path below begins with <code>{self._url}</code>.</p>"
        yield "<p>A key is sent in one of these headers:</p><ul>"
        for scheme in self._document["components"]["securitySchemes"].values():
            yield f"<li>{_inline(scheme.get('description', ''))}</li>"
        yield "</ul><p>The examples take both from the shell:</p>"
        yield _code(f"export REELKEEP_URL='{self._url}'\nexport REELKEEP_KEY='rk_…'")
        yield "</section>"

    def _group(self, tag: Node) -> Iterator[str]:
        name = escape(tag["name"])
        yield f'<section aria-labelledby="{name}"><h2 id="{name}">{_anchor(tag["name"], tag["name"])}</h2>'
        yield f'{_prose(tag.get("description", ""))}<ul class="overview">'
        for method, path, operation in self._groups[tag["name"]]:
            link = f'<a href="#{escape(operation["operationId"])}">'
            yield f"<li>{link}{_badge(method)}<span>{_path(path)}</span></a></li>"
        yield "</ul>"
        for method, path, operation in self._groups[tag["name"]]:
            yield from self._operation(method, path, operation)
        yield "</section>"

    def _operation(self, method: str, path: str, operation: Node) -> Iterator[str]:
        name = operation["operationId"]
        yield f'<article class="operation" id="{escape(name)}"><h3>{_anchor(name, operation["summary"])}</h3>'
        yield f'<p class="route">{_badge(method)}<code>{_path(path)}</code></p><div class="columns"><div>'
        yield _prose(operation.get("description", ""))
        if operation.get("security") == []:
            yield "<p>Needs no key.</p>"
        if operation.get("parameters"):
            yield "<h4>Parameters</h4>"
            yield from self._table(
                (
                    parameter["name"],
                    parameter.get("required", False),
                    parameter["schema"],
                    parameter.get("description", "") + _PLACES[parameter["in"]],
                )
                for parameter in operation["parameters"]
            )
        if "requestBody" in operation:
            yield "<h4>Body</h4>"
            for media in operation["requestBody"]["content"].values():
                yield from self._body(media)
        yield "<h4>Answers</h4>"
        for status, answer in sorted(operation["responses"].items()):
            yield from self._answer(status, answer)
        yield '</div><div class="examples">'
        yield from self._examples(method, path, operation)
        yield "</div></div></article>"

    def _body(self, media: Node) -> Iterator[str]:
        choice = self._schemas.get(_name(media["schema"]), {})
        options = choice.get("oneOf", [media["schema"]])
        if len(options) > 1:
            yield f"<p>One of {len(options)}:</p>"
        words = {ref: word for word, ref in choice.get("discriminator", {}).get("mapping", {}).items()}
        for option in options:
            name = _name(option)
            if not name or name in self._shown:
                yield f"<p>{self._type(option)}</p>"
                continue
            self._shown.add(name)
            opened = " open" if len(options) == 1 else ""
            title = escape(words.get(option["$ref"], name))
            yield f'<details id="schema-{escape(name)}"{opened}><summary>{title}</summary>'
            yield from self._schema(self._schemas[name])
            for example in self._schemas[name].get("examples", ())[:1]:
                yield _code(_coloured(example), "An example")
            yield "</details>"

    def _answer(self, status: str, answer: Node) -> Iterator[str]:
        """A good answer's example stands beside the operation, in full."""
        line = f'<span class="status s{escape(status[0])}">{escape(status)}</span>{_inline(answer["description"])}'
        inside = []
        for name, media in answer.get("content", {}).items():
            inside.append(f"<p>{self._type(media['schema'])} as <code>{escape(name)}</code></p>")
            if not status.startswith("2"):
                inside += [_code(_coloured(example)) for example in _examples(media)]
        for name, header in answer.get("headers", {}).items():
            inside.append(f"<p>Header <code>{escape(name)}: {escape(str(header.get('example', '…')))}</code></p>")
        opened = " open" if status.startswith(("2", "3")) else ""
        yield f'<details class="answer"{opened}><summary>{line}</summary>{"".join(inside)}</details>'

    def _examples(self, method: str, path: str, operation: Node) -> Iterator[str]:
        yield _code(escape(self._curl(method, path, operation)), "Request")
        for status, answer in operation["responses"].items():
            for media in answer.get("content", {}).values() if status.startswith("2") else ():
                for example in _examples(media):
                    yield _code(_coloured(example), f"Answer, {status}")

    def _curl(self, method: str, path: str, operation: Node) -> str:
        query = []
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path":
                path = path.replace(
                    f"{{{parameter['name']}}}", str(parameter.get("example", f"<{parameter['name']}>"))
                )
            elif parameter["in"] == "query" and "example" in parameter:
                query.append((parameter["name"], parameter["example"]))
        url = f"$REELKEEP_URL{path}" + (f"?{urlencode(query)}" if query else "")
        lines = [f'curl {"" if method == "get" else f"-X {method.upper()} "}"{url}"']
        if operation.get("security") != []:
            lines.append('-H "Authorization: Bearer $REELKEEP_KEY"')
        for kind, media in operation.get("requestBody", {}).get("content", {}).items():
            found = _examples(media) or self._schemas.get(_name(media["schema"]), {}).get("examples", [])
            if found and kind == "application/json":
                body = json.dumps(found[0], indent=2, ensure_ascii=False).replace("'", "'\\''")
                lines += ["-H 'Content-Type: application/json'", f"-d '{body}'"]
        return " \\\n  ".join(lines)

    def _schema(self, schema: Node) -> Iterator[str]:
        yield _prose(schema.get("description", ""))
        if "properties" in schema:
            required = schema.get("required", ())
            yield from self._table(
                (name, name in required, field, "") for name, field in schema["properties"].items()
            )
        elif schema.get("type") != "object":
            yield f"<p>{self._type(schema)}</p>"

    def _table(self, rows: Iterable[tuple[str, bool, Node, str]]) -> Iterator[str]:
        yield '<dl class="fields">'
        for name, required, schema, description in rows:
            mark = ' <em class="required">required</em>' if required else ""
            yield f"<div><dt><code>{escape(name)}</code>{mark} <span>{self._type(schema)}</span></dt>"
            about = " ".join(filter(None, (_inline(description or schema.get("description", "")), _limits(schema))))
            yield f"<dd>{about}{''.join(_constants(schema))}</dd></div>"
        yield "</dl>"

    def _type(self, schema: Node) -> str:
        name = _name(schema)
        if name:
            return f'<a href="#schema-{escape(name)}">{escape(name)}</a>'
        if "const" in schema:
            return f"<code>{escape(json.dumps(schema['const'], ensure_ascii=False))}</code>"
        if "enum" in schema and _EXPLAINED not in schema:
            return " | ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
        options = schema.get("anyOf") or schema.get("oneOf")
        if options and "type" not in schema:
            return " | ".join(map(self._type, options))
        if schema.get("type") == "array":
            return f"list of {self._type(schema.get('items', {}))}"
        if isinstance(schema.get("additionalProperties"), Mapping):
            return f"object of {self._type(schema['additionalProperties'])}"
        kind = schema.get("type", "any")
        return escape(schema.get("format") or (" | ".join(kind) if isinstance(kind, list) else kind))


def _name(schema: Node) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


_SAYS_NOTHING: tuple[tuple[str, Any], ...] = (
    ("minLength", 1),
    ("minItems", 0),
    ("default", None),
    ("default", ""),
    ("default", []),
)
_PLACES = {"path": " (in the path)", "header": " (a header)", "query": ""}
_LIMITS = {
    "minimum": "from {}",
    "maximum": "to {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {}",
    "maxItems": "at most {}",
    "default": "{} if absent",
}


def _limits(schema: Node) -> str:
    found = [
        form.format(_value(schema[name]))
        for name, form in _LIMITS.items()
        if name in schema and (name, schema[name]) not in _SAYS_NOTHING
    ]
    item = schema.get("items", schema)
    if item.get("examples"):
        found.append(f"such as {_value(item['examples'][0])}")
    elif "pattern" in item:
        found.append(f"like {_value(item['pattern'])}")
    return f'<small class="limits">{", ".join(found)}</small>' if found else ""


def _value(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,}"
    return f"<code>{escape(value if isinstance(value, str) else json.dumps(value))}</code>"


def _constants(schema: Node) -> Iterator[str]:
    """A value that links to this page, such as the type of a problem, is what its link leads to."""
    for value, about in schema.get(_EXPLAINED, {}).items():
        anchor = f' id="{escape(value.partition("#")[2])}"' if value.startswith("/docs#") else ""
        yield f'<p class="constant"{anchor}><code>{escape(value)}</code> {_inline(about)}</p>'


def _examples(media: Node) -> list[Any]:
    if "example" in media:
        return [media["example"]]
    return [example["value"] for example in media.get("examples", {}).values()][:1]


def _anchor(name: str, text: str) -> str:
    return f'<a class="anchor" href="#{escape(name)}">{escape(text)}</a>'


def _badge(method: str) -> str:
    return f'<b class="method {escape(method)}">{escape(method.upper())}</b> '


def _path(path: str) -> str:
    """May be broken before a slash."""
    return escape(path).replace("/", "<wbr>/")


def _prose(text: str) -> str:
    return "".join(f"<p>{_inline(part)}</p>" for part in text.split("\n\n") if part.strip())


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _code(coloured: str, title: str = "") -> str:
    caption = f"<figcaption>{escape(title)}</figcaption>" if title else ""
    return f'<figure>{caption}<pre tabindex="0"><code>{coloured}</code></pre></figure>'


_TOKEN = re.compile(r'("(?:\\.|[^"\\])*")(:)?|\b(?:true|false|null)\b|-?\d[\d.eE+-]*')


def _coloured(example: Any) -> str:
    """The example as HTML: text as it is, anything else as JSON."""
    if isinstance(example, str):
        return escape(example)
    text = json.dumps(example, indent=2, ensure_ascii=False)
    parts, end = [], 0
    for token in _TOKEN.finditer(text):
        string, colon = token.groups()
        kind = "key" if colon else "string" if string else "value"
        parts.append(escape(text[end : token.start()]))
        parts.append(f'<i class="{kind}">{escape(string or token[0])}</i>{colon or ""}')
        end = token.end()
    return "".join(parts) + escape(text[end:])
