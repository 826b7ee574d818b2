// Shows the OpenAPI document that lies beside this page, in Swagger UI. Everything is loaded from this address.
"use strict";

const root = new URL("..", document.currentScript.src);
// Swagger UI writes a slash into it.
const problem = /^#\/?(problem-.*)/.exec(location.hash)?.[1];

function readable(spec) {
  // Programs know a format by its name, people by its title.
  const titles = Object.fromEntries(spec.tags.map((tag) => [tag.name, tag["x-displayName"] || tag.name]));
  for (const tag of spec.tags) tag.name = titles[tag.name];
  for (const operations of Object.values(spec.paths))
    for (const operation of Object.values(operations)) operation.tags = operation.tags.map((name) => titles[name]);
  // "Try it out" calls the address that this page came from: no other is allowed to it.
  spec.servers = [{ url: root.href.replace(/\/$/, "") }];
  return spec;
}

function explainProblems(spec) {
  // The type of a problem links to its line here: /docs#problem-not-found.
  const section = document.getElementById("problems");
  section.append(Object.assign(document.createElement("h2"), { textContent: "Types of problems" }));
  for (const [type, meaning] of Object.entries(spec.components.schemas.Problem.properties.type["x-enumDescriptions"])) {
    const line = Object.assign(document.createElement("p"), { id: type.split("#")[1] });
    line.append(Object.assign(document.createElement("code"), { textContent: type }), ` ${meaning}`);
    section.append(line);
  }
}

function goToProblem() {
  // The operations come to stand above it, and only then is its place known.
  new MutationObserver((_, observer) => {
    if (!document.querySelector(".opblock")) return;
    observer.disconnect();
    document.getElementById(problem)?.scrollIntoView();
  }).observe(document.getElementById("operations"), { childList: true, subtree: true });
}

async function show() {
  const spec = await (await fetch(new URL("openapi.json", root))).json();
  explainProblems(spec);
  goToProblem();
  SwaggerUIBundle({
    dom_id: "#operations",
    spec: readable(spec),
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    filter: true,
    validatorUrl: null,
  });
}

show();
