// What operators look after: owners with their limits, dead letters.
// @ts-check
import { action, call, el, joined, when } from "./console-base.js";
import { card, changer, creator } from "./console-care.js";
import { limited } from "./console-use.js";
/** @typedef {import("./console-base.js").Api} Api */
/** @typedef {import("./console-care.js").Section} Section */

/** @param {Section} section */
export async function owners(section) {
  /** @type {Api["Owner"][]} */
  const found = (await call("GET", "owners")).owners;
  return [
    el("p.quiet-text", "Who has keys, what they may use, and what is left of it."),
    found.map(({ name, keys, stopped, limits, left, when_full }) => {
      const path = `owners/${encodeURIComponent(name)}`;
      return card(name, [`${keys} ${keys === 1 ? "key" : "keys"}`], stopped && `Stopped: ${stopped}`,
        limited(limits, left),
        when_full === "queue" && el("p.hint", "A task beyond those at once waits in line."),
        el("div.row",
          el("a.secondary", { href: `#/?owner=${encodeURIComponent(name)}` }, "Its videos"),
          stopped ? changer(section, "Let it submit again", "PATCH", path, { body: { stopped: "" } }) : changer(section, "Stop", "PATCH", path, { body: { stopped: "an operator stopped it" }, sure: "Let it submit nothing?" })),
        creator("Change the limits", "OwnerRequest", ["limits", "when_full"], (body) => call("PATCH", path, { body: { limits: {}, ...body } }).then(section.again), false, { limits, when_full }));
    }),
  ];
}

/** @type {Record<string, string>} */
const KINDS_OF_LETTERS = { execution: "A task's execution failed", sweep: "A sweep failed", unknown: "Only a person can understand it" };

/** @param {Section} section */
export async function letters(section) {
  /** @type {Api["DeadLetters"]} */
  const { count, letters } = await call("GET", "dead-letters");
  const replay = (/** @type {string} */ label, /** @type {string[] | undefined} */ ids) => action(label, async () => {
    /** @type {Api["Replays"]} */
    const { replayed } = await call("POST", "dead-letters/replay", { body: { ids } });
    await section.again();
    section.note(replayed.map((each) => `${each.task_id ?? each.id}: ${each.result}`));
  });
  if (!letters.length) return [el("p.quiet-text", "There are none: nothing has failed for good.")];
  return [
    el("p.quiet-text", "What failed for good, after every retry. Replay it once its cause is mended."),
    el("div.row", replay("Replay all", undefined), el("span.gap"), el("span.hint", `${letters.length} of about ${count}`)),
    el("div.card", el("ul.files", letters.map((each) => el("li",
      el("div", el("strong", KINDS_OF_LETTERS[each.what]), " ", each.task_id && el("a", { href: `#/task/${each.task_id}` }, "its task"), el("p.hint", joined(when(each.sent_at), each.reason))),
      el("div.row", replay("Replay", [each.id])))))),
  ];
}
