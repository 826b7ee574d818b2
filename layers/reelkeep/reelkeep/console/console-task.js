// One task: its video, and everything that is known about it.
// @ts-check
import { action, another, bytes, call, CANCELLABLE, copier, el, ENDED, fileName, film, hasData, KINDS, message, root, say, sentence, span, standing, STATES, submission, submit, title, Trouble, video, when } from "./console-base.js";
/** @typedef {import("./console-base.js").Task} Task */
/** @typedef {import("./console-base.js").File} File */

const EVERY_MS = 2_000;
/** @typedef {{change: (method: string, path: string, body?: any) => Promise<void>, again: () => Promise<void>, erase: () => Promise<void>}} Acts */

/** @type {import("./console-app.js").Open} */
export function open(wall, closed, id) {
  const stage = el("div.stage"), beside = el("div.beside"), below = el("div.below"), note = el("p.error", { role: "alert" });
  const before = el("a.secondary", { "aria-keyshortcuts": "k" }, "‹ Newer"), after = el("a.secondary", { "aria-keyshortcuts": "j" }, "Older ›");
  const element = el("article.task", { tabindex: "-1" },
    el("nav.steps", { "aria-label": "Videos" }, el("a.quiet", { href: wall.address }, "← All videos"), el("span.gap"), before, after),
    note, el("div.columns", stage, beside, below));
  let shown = "", timer = 0;
  let task = wall.byId.get(id);

  /** @param {Task} found */
  function paint(found) {
    const stamp = JSON.stringify((task = found));
    if (stamp === shown) return;
    shown = stamp;
    document.title = `${title(task).slice(0, 60)} · Reelkeep`;
    // A player that runs is left alone.
    const made = video(task), pictured = made?.url ?? [task.hidden_at, task.state, task.last_error, task.waiting?.position, task.eta?.p50].join();
    if (stage.dataset.of !== pictured) {
      stage.dataset.of = pictured;
      stage.replaceChildren(made ? player(made) : el("div.blank", { "data-state": task.state }, standing(task, true),
        !wall.isForeign(task) && !task.hidden_at && CANCELLABLE.has(task.state) && action("Cancel", () => acts.change("POST", "/cancel"))));
    }
    // Nor is whoever types.
    if (!beside.contains(document.activeElement?.closest("input") ?? null)) beside.replaceChildren(...details(task, acts, wall.isForeign(task)));
    below.replaceChildren(files(task, acts, wall.isForeign(task)), code(task), el("details", el("summary", "Raw record"), el("pre", { tabindex: "0" }, JSON.stringify(task, null, 2))));
  }

  function steps() {
    const at = wall.tasks.findIndex((each) => each.id === id), others = at < 0 ? [] : [wall.tasks[at - 1], wall.tasks[at + 1]];
    for (const [each, link] of [before, after].entries()) {
      const other = others[each];
      if (other) link.href = `#/task/${other.id}`;
      else link.removeAttribute("href");
      link.setAttribute("aria-disabled", String(!other));
    }
    if (at >= 0) wall.focus = id;
    if (at >= wall.tasks.length - 2) wall.older();
  }

  /** @type {Acts} */
  const acts = {
    change: async (method, path, body) => paint(await wall.change(method, `${id}${path}`, body)),
    async again() {
      const made = await submit(another(/** @type {Task} */ (task)));
      wall.soon(0);
      location.hash = `#/task/${made.id}`;
    },
    async erase() {
      await call("POST", `tasks/${id}/erase`);
      wall.drop(id);
      wall.changed();
      say("Erased.", 6);
      location.hash = wall.address;
    },
  };

  /** Only a listing shows a hidden task. @param {any} trouble */
  async function hidden(trouble) {
    const [found] = trouble.status === 404 ? (await call("GET", `tasks?hidden=true&task_id=${id}`).catch(() => ({ tasks: [] }))).tasks : [];
    if (found) return found;
    throw trouble;
  }

  async function look() {
    let wait = document.hidden ? 30_000 : EVERY_MS;
    try {
      const found = await call("GET", `tasks/${id}`).catch(hidden);
      if (closed.aborted) return;
      if (wall.byId.has(id)) wall.take([found]);
      note.textContent = "";
      paint(found);
      if (ENDED.has(found.state) && found.creations.every((/** @type {Task["creations"][0]} */ each) => each.missing.every((file) => file.given_up))) return;
    } catch (trouble) {
      if (closed.aborted) return;
      note.textContent = message(trouble);
      if (!(trouble instanceof Trouble && trouble.passing)) return;
      wait = Math.max(trouble.wait * 1000, 5_000);
      note.textContent += ` Trying again in ${span(wait / 1000)}.`;
    }
    timer = setTimeout(look, wait);
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || (event.target instanceof HTMLElement && event.target.closest("input, textarea, select"))) return;
    const arrows = !(event.target instanceof HTMLVideoElement);
    if (event.key === "k" || (event.key === "ArrowLeft" && arrows)) before.click();
    if (event.key === "j" || (event.key === "ArrowRight" && arrows)) after.click();
  }, { signal: closed });
  wall.listeners.add(steps);
  closed.addEventListener("abort", () => {
    clearTimeout(timer);
    wall.listeners.delete(steps);
  });
  steps();
  if (task) paint(task);
  look();
  return element;
}

/** @param {Task["creations"][0]} made */
export function player(made) {
  const picture = el("video", { src: made.url, poster: made.cover_url, controls: true, loop: true, playsinline: true, preload: "metadata", "aria-label": "The video" });
  if (made.video.width) picture.style.aspectRatio = `${made.video.width} / ${made.video.height}`;
  const unplayable = (/** @type {string} */ what) =>
    picture.replaceWith(el("figure.unplayable",
      made.cover_url && el("img", { src: made.cover_url, alt: "Its cover" }),
      el("figcaption", el("p", { role: "alert" }, `This browser cannot ${what}. Its file is whole: download it and open it in a player.`))));
  picture.addEventListener("error", () => {
    if ([MediaError.MEDIA_ERR_SRC_NOT_SUPPORTED, MediaError.MEDIA_ERR_DECODE].includes(picture.error?.code)) unplayable("play this video");
  });
  // A codec that is not understood can leave a player with sound and no picture.
  picture.addEventListener("loadedmetadata", () => picture.videoWidth || unplayable("show the picture of this video"));
  return picture;
}

/** @param {Task["cost"]} cost */
function costs({ phase, amount, currency, units, unit }) {
  if (phase === "free") return "nothing";
  const known = [amount && currency && `${amount} ${currency}`, units && `${units} ${unit}`].filter(Boolean).join(", ");
  return known && phase === "reserved" ? `about ${known}` : known;
}

/** What is known of it, in words. @param {Task} task @returns {[string, any][]} */
export function facts(task) {
  const size = video(task)?.video, ended = task.finished_at;
  /** @type {[string, any][]} */
  const rows = [
    ["State", STATES[task.state]],
    ["Kind", KINDS[task.kind] ?? task.kind],
    ["Model", task.model],
    ["Provider", task.provider],
    ["Owner", task.owner],
    ["Duration", size?.duration ? `${Math.round(size.duration * 10) / 10} s` : task.duration && `${task.duration} s asked for`],
    ["Size", size?.width ? `${size.width} × ${size.height}${size.fps ? `, ${Math.round(size.fps)} frames/s` : ""}` : task.resolution],
    ["Seed", task.seed],
    ["Not as ordered", task.differs.map(({ what, delivered, ordered, claimed }) => `${what} is ${delivered} instead of ${ordered ?? claimed}`).join(", ")],
    ["Cost", costs(task.cost)],
    ["Tags", task.tags.join(", ")],
    ["Asked", when(task.created_at)],
    ["Started", task.started_at && when(task.started_at)],
    ["Ready", task.ready_at && when(task.ready_at)],
    [task.state === "success" ? "Kept" : "Ended", ended && `${when(ended)}, after ${span((Date.parse(ended) - Date.parse(task.created_at)) / 1000)}`],
    ["Deadline", !ENDED.has(task.state) && when(task.deadline)],
    ["Failure", task.failure && [task.failure.code, task.failure.message].filter(Boolean).join(": ")],
    ["At present", task.last_error && sentence(task.last_error)],
    ["Its id there", task.provider_task_id],
    ["Task id", task.id],
  ];
  return rows.filter(([, value]) => value || value === 0);
}

/** @param {Task} task @param {Acts} acts @param {boolean} foreign */
function details(task, { change, again, erase }, foreign) {
  const file = film(task), { hidden_at: hidden } = task, fixed = foreign || hidden;
  const tags = (/** @type {string[]} */ all) => change("PATCH", "", { tags: all });
  const tag = el("input", { "aria-label": "Add a tag", placeholder: "Add a tag", maxlength: 64, list: "known-tag" });
  const add = action("Add", async () => {
    tag.blur();
    if (tag.value.trim()) await tags([...task.tags, tag.value.trim()]);
  });
  const word = el("input", { "aria-label": "Type the word erase", autocomplete: "off", spellcheck: "false", oninput: () => (erasing.disabled = word.value.trim().toLowerCase() !== "erase") });
  const erasing = action("Erase for good", erase, { disabled: true });
  return [
    el("section",
      hidden && el("p.error", { role: "status" }, `Hidden since ${when(hidden)}. For 30 days it can be brought back.`),
      el("h1.prompt", title(task)),
      el("div.row",
        file && el("a.primary", { href: saveAs(task, file) }, "Download"),
        !foreign && hidden && action("Bring back", () => change("POST", "/restore")),
        !fixed && action(task.starred ? "★ Starred" : "☆ Star", () => change("PATCH", "", { starred: !task.starred }), { "aria-pressed": String(task.starred) }),
        task.prompt && copier("Copy prompt", () => task.prompt ?? ""),
        !fixed && action("Hide", () => change("DELETE", "")))),
    foreign ? "" : el("section",
      el("h2", "Make another"),
      el("div.row",
        !hasData(task) && action("Again", again),
        el("a.secondary", { href: `#/new?again=${task.id}` }, "With changes"),
        el("a.secondary", { href: `#/new?again=${task.id}&at=provider` }, "With another provider"),
        inputs(task))),
    el("dl", facts(task).filter(([name]) => name !== "Tags").map(([name, value]) => [el("dt", name), el("dd", value)]),
      el("dt", "Tags"),
      el("dd.tags", task.tags.map((each) =>
        el("span.tag", el("a", { href: `#/?tag=${encodeURIComponent(each)}` }, each),
          !fixed && action("×", () => tags(task.tags.filter((other) => other !== each)), { "aria-label": `Remove the tag ${each}` }))),
        fixed ? "" : el("form.row", { onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          add.click();
        } }, tag, add))),
    !foreign && ENDED.has(task.state) ? el("details", el("summary", "Erase"),
      el("p.hint", "Deletes its files in every version, its prompt and what was sent about it. Its links lead nowhere at once. It cannot be undone. Type ", el("strong", "erase"), " to go on."),
      el("div.row", word, erasing)) : "",
  ];
}

/** What its files can be the input of. @param {Task} task */
function inputs(task) {
  const names = new Set((task.hidden_at ? [] : (video(task)?.files ?? [])).map((file) => file.name));
  const frame = names.has("last-frame") ? "last-frame" : "cover";
  const uses = [["Extend it", "extend", "video"], ["Upscale it", "upscale", "video"], [frame === "cover" ? "From its cover" : "From its last frame", "img2video", frame]];
  return uses.filter(([, , name]) => names.has(name)).map(([label, kind, name]) => el("a.secondary", { href: `#/new?use=${task.id}/${name}&kind=${kind}` }, label));
}

/** @param {Task} task @param {File} file */
const saveAs = (task, file) => `${file.url}?download=${encodeURIComponent(fileName(task, file))}`;

/** @param {Task} task @param {Acts} acts @param {boolean} foreign */
function files(task, { change }, foreign) {
  const found = task.creations.flatMap((each) => each.files), missing = task.creations.flatMap((each) => each.missing);
  if (!found.length && !missing.length) return "";
  return el("section", el("h2", "Files"), el("ul.files",
    found.map((file) => el("li",
      el("div", el("a", { href: file.url, target: "_blank", rel: "noopener" }, file.name.replaceAll("-", " ")), el("span.quiet-text", ` ${bytes(file.bytes)} · ${file.content_type}`),
        el("code.checksum", file.sha256 ? `sha256 ${file.sha256}` : `crc32 ${file.crc32}`)),
      el("div.row", copier("Copy link", () => file.url, `Copy the permanent link of ${file.name}`),
        el("a.secondary", { href: saveAs(task, file), "aria-label": `Download ${file.name}` }, "Download")))),
    missing.map((file) => el("li", el("div", file.name, el("span.error", ` ${file.given_up ? "is lost" : "is fetched later"}: ${file.reason}`))))),
    found.length > 0 && !foreign && !task.hidden_at && el("div.row", action("New links", () => change("POST", "/revoke-links"), { sure: "End the present links?" }), el("span.hint", "Whoever has the present links cannot follow them any more.")));
}

/** @param {Task} task */
function code(task) {
  const body = JSON.stringify(submission(task), null, 2), url = new URL("tasks", root).href;
  const quoted = body.replaceAll("'", String.raw`'\''`);
  /** @type {Record<string, string>} */
  const programs = {
    curl: `curl ${url} \\\n  -H "authorization: Bearer $REELKEEP_KEY" \\\n  -H 'content-type: application/json' \\\n  -d '${quoted}'`,
    Python: `import json, os, urllib.request\n\nbody = json.loads(r"""${body.replaceAll('"""', String.raw`\u0022\u0022\u0022`)}""")\nrequest = urllib.request.Request(\n    "${url}",\n    data=json.dumps(body).encode(),\n    headers={\n        "authorization": f"Bearer {os.environ['REELKEEP_KEY']}",\n        "content-type": "application/json",\n    },\n)\nprint(json.load(urllib.request.urlopen(request))["id"])`,
    JavaScript: `const answer = await fetch("${url}", {\n  method: "POST",\n  headers: {\n    authorization: \`Bearer \${process.env.REELKEEP_KEY}\`,\n    "content-type": "application/json",\n  },\n  body: JSON.stringify(${body.replaceAll("\n", "\n  ")}),\n});\nconsole.log((await answer.json()).id);`,
  };
  const text = el("pre", { tabindex: "0" });
  const buttons = Object.entries(programs).map(([name, program]) => el("button.chip", { type: "button", onclick: () => {
    text.textContent = program;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.textContent === name));
  } }, name));
  buttons[0].click();
  return el("details", el("summary", "The same from a program"), el("div.row", buttons, el("span.gap"), copier("Copy", () => text.textContent)), text);
}
