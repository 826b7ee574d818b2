// What was used: tasks, units and money by day, and by model, provider, key or tag.
// @ts-check
import { action, call, el } from "./console-base.js";
/** @typedef {import("./console-base.js").Api["UsageRow"]} Row */
/** @typedef {import("./console-base.js").Api["OwnerLimits"]} Limits */
/** @typedef {import("./console-base.js").Api["Use"]} Left */

const HUES = 6; // groups with a colour of their own; the last is for all others
const DAY_MS = 86_400_000;
const GROUPS = /** @type {const} */ ({ model: "By model", provider: "By provider", key: "By key", tag: "By tag" });
const PERIODS = { 7: "7 days", 30: "30 days", 92: "92 days" };
const shown = { by: /** @type {keyof typeof GROUPS} */ ("model"), days: 30, of: "" }; // as it was chosen last

/** @type {Record<string, string>} */
const LIMITS = { tasks_at_once: "Tasks at once", submissions_a_minute: "Submissions a minute", videos_a_day: "Videos a day", money_a_day: "Money a day", money_a_month: "Money a month" };

/** What may be used, and what is left of it. @param {Limits} limits @param {Left} [left] */
export function limited(limits, left) {
  const rows = Object.entries(LIMITS).flatMap(([name, label]) => {
    const of = /** @type {keyof Left} */ (name), most = limits[of], rest = left?.[of] ?? most, unit = name.startsWith("money") ? ` ${limits.currency}` : "";
    if (most === null) return [];
    return [el("tr", el("th", { scope: "row" }, label), el("td", left && el("meter", { "aria-label": `${label}: used`, max: most, value: String(Number(most) - Number(rest)) })), el("td", left ? `${rest} of ${most}${unit} left` : `${most}${unit}`))];
  });
  const only = [limits.models.length && `models ${limits.models.join(", ")}`, limits.providers.length && `providers ${limits.providers.join(", ")}`].filter(Boolean).join("; ");
  return [rows.length > 0 && el("table.limits", el("tbody", rows)), only && el("p.hint", `Only ${only}`)];
}

/** What this key may still use, if there are limits. */
async function own() {
  /** @type {import("./console-base.js").Api["OwnLimits"]} */
  const { stopped, limits, left, key_limits, key_left } = await call("GET", "owner");
  const [owners, keys] = [limited(limits, left), limited(key_limits, key_left)].map((parts) => parts.some(Boolean) && parts);
  return (stopped || owners || keys) && el("div.card", el("h2", "Limits"), stopped && el("p.error", `Nothing can be submitted: ${stopped}`), owners, keys && [el("h3", "Of this key"), keys]);
}

/** @param {import("./console-care.js").Section} section */
export async function use(section) {
  const from = new Date(Date.now() - (shown.days - 1) * DAY_MS).toISOString().slice(0, 10);
  const query = `from=${from}&by=day&by=${shown.by}`;
  const [limits, report, { keys }] = await Promise.all([own(), call("GET", `usage?${query}`), shown.by === "key" ? call("GET", "keys").catch(() => ({ keys: [] })) : { keys: [] }]);
  /** @type {Row[]} */
  const rows = report.rows;
  const names = new Map(keys.map((/** @type {import("./console-base.js").Api["Key"]} */ key) => [key.id, key.name || `ends in ${key.last_characters}`]));
  const nameOf = (/** @type {Row} */ row) => names.get(row[shown.by]) ?? (row[shown.by] || "–");
  const measures = ["tasks", ...new Set(rows.flatMap((row) => [row.currency, row.unit]))].filter((each) => each !== null);
  const measure = measures.includes(shown.of) ? shown.of : (measures.find((each) => rows.some((row) => row.currency === each)) ?? "tasks");
  /** @param {string} label @param {Record<string, string>} choices @param {any} now @param {(value: string) => void} choose */
  const chooser = (label, choices, now, choose) => el("div.chips", { role: "group", "aria-label": label }, Object.entries(choices).map(([value, text]) =>
    el("button.chip", { type: "button", "aria-pressed": String(value === String(now)), onclick: () => {
      choose(value);
      section.again();
    } }, text)));
  return [
    limits,
    el("div.row",
      chooser("Groups", GROUPS, shown.by, (by) => (shown.by = /** @type {keyof typeof GROUPS} */ (by))), el("span.gap"),
      chooser("Period", PERIODS, shown.days, (days) => (shown.days = Number(days)))),
    el("div.row", chooser("What is counted", Object.fromEntries(measures.map((each) => [each, inWords(each)[0].toUpperCase() + inWords(each).slice(1)])), measure, (of) => (shown.of = of)), el("span.gap"),
      action("Save as CSV", () => saved(query))),
    rows.length ? el("div.card", charted(rows, nameOf, measure, from)) : el("p.quiet-text", "Nothing was made in these days."),
  ];
}

/** Through memory: the key is not to stand in an address. @param {string} query */
async function saved(query) {
  const url = URL.createObjectURL(new Blob([await call("GET", `usage.csv?${query}`)], { type: "text/csv" }));
  el("a", { href: url, download: `reelkeep-usage-${new Date().toISOString().slice(0, 10)}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Charged, or reserved for what is under way. @param {Row} row @param {string} measure */
function amount(row, measure) {
  if (measure === "tasks") return row.tasks;
  if (measure === row.currency) return Number(row.charged) + Number(row.reserved);
  return measure === row.unit ? Number(row.units_charged) + Number(row.units_reserved) : 0;
}

/** @param {Row[]} rows @param {string} measure */
const total = (rows, measure) => rows.reduce((sum, row) => sum + amount(row, measure), 0);

/** What providers count; a provider that bills by the video says nothing of how many videos there are. @param {string} measure */
const inWords = (measure) => (measure === "videos" ? "videos billed" : measure);

/** @param {number} number */
const written = (number) => number.toLocaleString("en", { maximumFractionDigits: 2 });

/** A column a day and a row a group. @param {Row[]} rows @param {(row: Row) => string} nameOf @param {string} measure @param {string} from */
function charted(rows, nameOf, measure, from) {
  const groups = [...Map.groupBy(rows, nameOf)].sort(([, a], [, b]) => total(b, measure) - total(a, measure));
  const hue = (/** @type {number} */ rank) => `hue-${Math.min(HUES - 1, rank)}`;
  const days = Array.from({ length: shown.days }, (_, at) => new Date(Date.parse(from) + at * DAY_MS).toISOString().slice(0, 10));
  const called = (/** @type {string} */ day) => new Date(`${day}T00:00`).toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  const byDay = Map.groupBy(rows, (row) => row.day ?? ""), sums = days.map((day) => total(byDay.get(day) ?? [], measure)), highest = Math.max(...sums) || 1;
  const units = [...new Set(rows.flatMap((row) => [row.currency, row.unit]))].filter((each) => each !== null);
  const columns = ["tasks", ...units];
  return [
    el("div.chart", { role: "img", "aria-label": `${inWords(measure)} a day, ${written(Math.max(...sums))} at most` }, days.map((day, at) =>
      el("div.column", { title: `${called(day)}: ${written(sums[at])} ${inWords(measure)}` }, groups.map(([name], rank) =>
        el(`span.${hue(rank)}`, { style: { height: `${(total((byDay.get(day) ?? []).filter((row) => nameOf(row) === name), measure) / highest) * 100}%` } }))))),
    el("div.axis", { "aria-hidden": "true" }, el("span", called(days[0])), el("span", `at most ${written(Math.max(...sums))} ${inWords(measure)} a day`), el("span", "Today")),
    el("div.scroll", { tabindex: "0", role: "region", "aria-label": "Sums" }, el("table.sums",
      el("thead", el("tr", el("th", { scope: "col" }, el("span.unseen", "Group")), columns.map((each) => el("th", { scope: "col" }, inWords(each))))),
      el("tbody", groups.map(([name, of], rank) => el("tr", el("th", { scope: "row" }, el(`i.swatch.${hue(rank)}`), name), columns.map((each) => el("td", written(total(of, each))))))),
      el("tfoot", el("tr", el("th", { scope: "row" }, "In all"), columns.map((each) => el("td", shown.by === "tag" ? "" : written(total(rows, each)))))))),
    el("p.hint", "Money and units of tasks under way are those that are reserved for them."),
  ];
}
