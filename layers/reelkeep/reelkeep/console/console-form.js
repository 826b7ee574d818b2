// Forms drawn from what the API's own document says of a body; the one for a new video.
// @ts-check
import { action, another, asked, call, el, EVENTS, hasData, keep, kept, KINDS, message, sentence, show, span, submit } from "./console-base.js";

const DRAFT = "reelkeep.draft";
const FIRST = ["prompt", "template", "images", "subjects", "video_url", "creation_id"]; // each in a line of its own
const SECOND = ["model", "duration", "resolution", "aspect_ratio"];
/** @type {Record<string, string[]>} what most providers know */
const USUAL = { aspect_ratio: ["16:9", "9:16", "1:1", "4:3", "3:4", "21:9"], resolution: ["540p", "720p", "1080p"] };
/** @type {Record<string, string>} */
const LABELS = { video_url: "Video address", creation_id: "Earlier creation", off_peak: "Off-peak", callback_url: "Callback address", audio: "Sound", url: "Address", body: "Format of messages", ends_at: "Ends" };
/** @type {Record<string, string>} */
const WORDS = { event: "A CloudEvent", dialect: "The task's own format", ...EVENTS, ...KINDS };
/** @type {Promise<[any, any]> | null} */
let known = null;
let drawn = 0; // fields

/** The document and the providers, once. */
export async function learn() {
  known ??= Promise.all([call("GET", "openapi.json"), call("GET", "providers")]);
  known.catch(() => (known = null));
  return known;
}

/** What a schema of the document refers to, with that of its items; choices in several parts as one. @param {any} spec @param {any} schema @returns {any} */
function resolved(spec, schema) {
  const found = schema?.$ref ? { ...spec.components.schemas[schema.$ref.split("/").at(-1)], ...schema } : schema;
  const choices = found?.anyOf?.flatMap((/** @type {any} */ each) => each.enum ?? each.const);
  return { ...found, ...(found?.items && { items: resolved(spec, found.items) }), ...(choices?.every(Boolean) && { enum: choices }) };
}

/**
 * Fields of a schema, and of the objects in it, by their paths.
 * @param {any} spec @param {any} schema @param {string[]} names  in this order @param {any} [given] @returns {[string, Field][]}
 */
export function fieldsOf(spec, schema, names, given = {}, within = "") {
  const { properties, required = [] } = resolved(spec, schema);
  return names.flatMap((name) => {
    const property = resolved(spec, properties[name]);
    if (property.properties) return fieldsOf(spec, property, Object.keys(property.properties), given[name], `${name}.`);
    return [/** @type {[string, Field]} */ ([within + name, field(name, property, { given: given[name] ?? undefined, required: required.includes(name) })])];
  });
}

/**
 * A form, and a way to try something with what is in it.
 * @param {Map<string, Field>} fields  by their paths in the body
 * @param {string} label @param {(body: any) => Promise<any>} send  tries, as `attempt` does
 * @param {string} [unanswered]  what to say after an answer that did not come
 */
export function formOf(fields, label, send, unanswered = "") {
  const general = el("p.error", { role: "alert" }), button = el("button.primary", { type: "submit" }, label);

  /** @param {(body: any) => Promise<any>} act */
  async function attempt(act) {
    /** @type {any} */
    const body = {};
    for (const [path, { value }] of fields) {
      const [name, inner] = path.split("."), found = value();
      if (found !== undefined) inner ? ((body[name] ??= {})[inner] = found) : (body[name] = found);
    }
    for (const each of fields.values()) each.complain("");
    general.textContent = "";
    button.disabled = true;
    try {
      return await act(body);
    } catch (trouble) {
      explain(trouble);
    } finally {
      button.disabled = false;
    }
  }

  /** At the field, if it is one's. @param {any} trouble */
  function explain(trouble) {
    /** @type {any[]} */
    const errors = trouble.problem?.errors ?? [];
    const owner = (/** @type {string} */ path) => fields.get(path.split(/[.[]/)[0]) ?? [...fields].find(([name]) => path.startsWith(name))?.[1];
    for (const { field, message } of errors) owner(field)?.complain(message);
    const first = errors.map(({ field }) => owner(field)).find(Boolean), elsewhere = errors.filter(({ field }) => !owner(field)).map(({ field, message }) => `${field}: ${message}`);
    if (trouble.passing) elsewhere.push(message(trouble), trouble.status === 429 ? `Send it again${trouble.wait ? ` in ${span(trouble.wait)}` : " in a moment"}.` : unanswered);
    else if (!errors.length) elsewhere.push(message(trouble));
    general.textContent = elsewhere.join(" ");
    const folded = first?.element.closest("details");
    if (folded) folded.open = true;
    (first?.input ?? button).focus();
  }

  const form = el("form", { novalidate: true, onsubmit: (/** @type {Event} */ event) => {
    event.preventDefault();
    attempt(send);
  } });
  return { form, general, button, attempt };
}

/** @type {import("./console-app.js").Open} */
export function open(wall) {
  document.title = "New video · Reelkeep";
  const element = el("section.new", { tabindex: "-1", "aria-label": "New video" });
  let values = kept(DRAFT), at = "", hint = ""; // what was typed, of all kinds; the field to begin with

  show(element, async () => {
    const query = asked(), again = query.get("again"), use = query.get("use"), kind = query.get("kind");
    const [[spec, { providers }], earlier] = await Promise.all([learn(), again ? call("GET", `tasks/${again}`) : null]);
    if (earlier) {
      values = another(earlier);
      if (hasData(earlier)) {
        values.images = values.images?.filter((/** @type {string} */ each) => !each.startsWith("data:"));
        hint = "The pictures of the earlier one were sent as files: add them again.";
      }
      at = query.get("at") ?? "";
    }
    if (use && kind) {
      const source = `reelkeep:${use}`; // the archive's own file, which the provider gets in a link made for it
      values = { ...values, kind, ...(kind === "img2video" ? { images: [source] } : { video_url: source, creation_id: undefined }) };
    }
    keep(DRAFT, values);
    history.replaceState(null, "", "#/new"); // what is typed now is not undone by coming back
    return paint(spec, providers);
  });

  /** @param {any} spec @param {any[]} providers */
  function paint(spec, providers) {
    /** @type {[string, string][]} */
    const kinds = Object.entries(spec.components.schemas.NewTask.discriminator.mapping);
    values.kind ??= kinds[0][0];
    const schema = resolved(spec, { $ref: (kinds.find(([kind]) => kind === values.kind) ?? kinds[0])[1] });
    const choices = el("select", { id: "f-kind", onchange: () => {
      values.kind = choices.value;
      keep(DRAFT, values);
      hint = "";
      element.replaceChildren(...paint(spec, providers));
      element.querySelector("#f-kind").focus();
    } }, kinds.map(([kind]) => el("option", { value: kind, selected: kind === values.kind }, KINDS[kind] ?? kind)));

    // The usual provider's first, those with a name of their own; few models know every kind.
    const patterns = [...providers].sort((a, b) => Number(b.default) - Number(a.default)).flatMap((each) => each.models);
    const models = [...new Set([...patterns.filter((model) => !model.includes("*")), ...wall.tasks.map((task) => task.model)])].filter(Boolean);
    values.model ??= wall.tasks.find((task) => task.kind === values.kind)?.model ?? (values.kind === "text2video" ? models[0] : undefined);
    /** @type {Record<string, any>} */
    const special = {
      provider: { enum: providers.map((each) => each.name) },
      model: { suggestions: models, description: `Here: ${[...new Set(patterns)].join(", ")}. It decides which provider makes the video.` },
    };
    const fields = new Map(Object.entries(schema.properties).filter(([name]) => name !== "kind").map(([name, property]) => {
      const found = { ...resolved(spec, property), ...special[name] };
      const suggestions = found.suggestions ?? USUAL[name] ?? found.examples?.filter((/** @type {any} */ each) => typeof each === "string");
      return [name, field(name, found, { given: values[name], required: schema.required.includes(name), suggestions, typed: (value) => {
        values[name] = value;
        keep(DRAFT, values);
      } })];
    }));
    const { form, general, button, attempt } = formOf(fields, "Make it", async (body) => {
      const task = await submit({ kind: values.kind, ...body });
      sessionStorage.removeItem(DRAFT);
      wall.soon(0);
      location.hash = `#/task/${task.id}`;
    }, "Send it again when you like: it is made only once.");
    const those = (/** @type {string[]} */ names) => names.map((name) => fields.get(name)?.element);
    const others = [...fields.keys()].filter((name) => ![...FIRST, ...SECOND].includes(name)), prices = el("ul.files", { "aria-live": "polite" });
    form.append(
      el("div.field", el("label", { for: "f-kind" }, "Kind"), choices, hint && el("p.hint", hint)),
      ...those(FIRST).filter(Boolean), el("div.pair", those(SECOND)),
      el("details", { open: others.includes(at) || others.some((name) => name !== "provider" && values[name]) }, el("summary", "More"), el("div.pair", those(others))),
      general,
      el("div.send", button, action("What would it cost?", () => attempt(async (body) => {
        const { quotes } = await call("POST", "quote", { body: { kind: values.kind, ...body } });
        prices.replaceChildren(...quotes.map((/** @type {import("./console-base.js").Api["Quote"]} */ quote) => el("li", el("strong", quote.provider), " ", el("span.quiet-text", priced(quote)))));
      })), el("a.quiet", { href: wall.address }, "Not now")), prices);
    if (at) setTimeout(() => fields.get(at)?.input.focus());
    return [el("h1", "New video"), form];
  }
  return element;
}

/** @param {import("./console-base.js").Api["Quote"]} quote */
function priced(quote) {
  if (!quote.possible) return `cannot: ${quote.reason}`;
  const price = [quote.amount && `${quote.amount} ${quote.currency}`, quote.units && `${quote.units} ${quote.unit}`].filter(Boolean).join(", ");
  return `${price || "its price is not known"}, takes about ${span(quote.seconds)}`;
}

/**
 * @typedef {{element: any, input: any, value: () => any, complain: (message: string) => void}} Field
 * @param {string} name @param {any} schema
 * @param {{given?: any, required?: boolean, suggestions?: string[], typed?: (value: any) => void}} options
 * @returns {Field}
 */
function field(name, schema, { given, required = false, suggestions = schema.examples, typed = () => {} }) {
  const { type, items } = schema, id = `f${++drawn}-${name}`, error = el("p.error", { id: `${id}-error` });
  const common = { id, "aria-describedby": `${id}-hint ${id}-error`, "aria-required": String(required), autocomplete: "off" };
  const label = LABELS[name] ?? (name[0].toUpperCase() + name.slice(1)).replaceAll("_", " ");
  /** @type {any} */
  let input, extra = "";
  let value = () => (input.value.trim() === "" ? undefined : input.value);
  if (type === "boolean" || schema.enum) {
    const options = type === "boolean" ? [["true", "Yes"], ["false", "No"]] : schema.enum.map((/** @type {string} */ each) => [each, WORDS[each] ?? each]);
    input = el("select", common, el("option", { value: "" }, required ? "Choose…" : "As usual"), options.map((/** @type {string[]} */ [option, text]) => el("option", { value: option }, text)));
    input.value = String(given ?? "");
    if (type === "boolean") value = () => (input.value === "" ? undefined : input.value === "true");
  } else if (type === "integer" || type === "number") {
    input = el("input", { ...common, type: "number", min: schema.minimum, max: schema.maximum, step: type === "integer" ? 1 : "any", inputmode: "numeric", value: given ?? "" });
    // What is no number is sent as it is: the API says what is wrong with it.
    value = () => (input.value === "" ? undefined : Number(input.value));
  } else if (type === "array" && items?.enum) {
    const boxes = items.enum.map((/** @type {string} */ each) => el("input", { type: "checkbox", value: each, checked: given?.includes(each) }));
    input = el("div.checks", { id, role: "group", "aria-labelledby": `${id}-label`, tabindex: "-1" }, boxes.map((/** @type {any} */ box) => el("label", box, WORDS[box.value] ?? box.value)));
    value = () => {
      const chosen = boxes.filter((/** @type {any} */ box) => box.checked).map((/** @type {any} */ box) => box.value);
      return chosen.length ? chosen : undefined;
    };
  } else if (type === "array" && items?.type === "string") {
    const takesFiles = /data:/.test(items.pattern ?? "");
    /** @type {string[]} */
    const lines = Array.isArray(given) ? given : [], pictures = lines.filter((each) => each.startsWith("data:"));
    input = el("textarea.lines", { ...common, rows: 1, placeholder: takesFiles ? "One address per line" : "One per line", spellcheck: "false", value: lines.filter((each) => !each.startsWith("data:")).join("\n") });
    value = () => {
      const all = [...input.value.split("\n").map((/** @type {string} */ line) => line.trim()).filter(Boolean), ...pictures];
      return all.length ? all : undefined;
    };
    if (takesFiles) extra = files(id, pictures, () => typed(value()));
  } else if (schema.format === "date-time") {
    input = el("input", { ...common, type: "datetime-local", value: given ?? "" });
    value = () => (input.value ? new Date(input.value).toISOString() : undefined);
  } else if (name === "prompt" || name === "payload") {
    input = el("textarea", { ...common, rows: name === "prompt" ? 4 : 2, value: given ?? "" });
  } else if (type === "string" || !type) {
    extra = suggestions?.length ? el("datalist", { id: `${id}-list` }, suggestions.map((each) => el("option", { value: each }))) : "";
    input = el("input", { ...common, list: extra ? `${id}-list` : null, placeholder: name !== "model" && schema.examples?.[0], spellcheck: "false", value: given ?? "" });
  } else {
    input = el("textarea", { ...common, rows: 3, placeholder: "JSON", spellcheck: "false", value: given === undefined || typeof given === "string" ? (given ?? "") : JSON.stringify(given, null, 2) });
    value = () => {
      try {
        return input.value.trim() ? JSON.parse(input.value) : undefined;
      } catch {
        return input.value;
      }
    };
  }
  input.addEventListener("input", () => typed(value()));
  const complain = (/** @type {string} */ message) => {
    error.textContent = message === "is required" ? "This is needed." : sentence(message.startsWith(name) ? message : message && `${label} ${message}`);
    input.toggleAttribute("aria-invalid", false);
    if (message) input.setAttribute("aria-invalid", "true");
  };
  const element = el("div.field",
    el(input.matches(".checks") ? "span.label" : "label", { for: id, id: `${id}-label` }, label, !required && el("span.quiet-text", " optional")), input, extra,
    schema.description && el("p.hint", { id: `${id}-hint` }, schema.description.replaceAll("`", "")), error);
  return { element, input, value, complain };
}

/** Pictures from this machine, sent as data. @param {string} id @param {string[]} pictures @param {() => void} changed */
function files(id, pictures, changed) {
  const shown = el("div.pictures");
  const paint = () => shown.replaceChildren(...pictures.map((picture, at) =>
    el("button", { type: "button", "aria-label": `Remove picture ${at + 1}`, onclick: () => {
      pictures.splice(at, 1);
      paint();
      changed();
    } }, el("img", { src: picture, alt: "" }), el("span", "Remove"))));
  const chooser = el("input", { type: "file", accept: "image/*", multiple: true, id: `${id}-files`, "aria-label": "Pictures from this device", onchange: async () => {
    for (const file of chooser.files) {
      const reader = new FileReader();
      reader.readAsDataURL(file);
      await new Promise((done) => (reader.onloadend = done));
      if (typeof reader.result === "string") pictures.push(reader.result);
    }
    chooser.value = "";
    paint();
    changed();
  } });
  paint();
  return el("div.field", chooser, shown);
}
