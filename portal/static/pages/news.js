// @ts-check
/**
 * What comes in while a page is open: how many stands in the page's title and beside the inbox, and where its user wants it, a
 * notification of this browser's says so. Of a browser's pages one asks, and tells the others.
 */

import { ngettext } from "./language.js";
import { forgetLeft } from "./kept.js";
import { wantsNotifications } from "./notifications.js";
import { back, over } from "./session-over.js";

/** @typedef {{since: string, told: string, faxes: {id: number, words: string}[], notices: {id: number, fax: number, words: string}[], waits: boolean, user: number, csrf: string}} News As portal/pages/news.py says it. */

const [SECONDS, HIDDEN_SECONDS, OLDEST_SECONDS] = [30, 60, 600];
const user = document.querySelector('meta[name="user"]')?.getAttribute("content") ?? "";
const kept = `news of ${user}`;
const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel(kept) : null;
const title = document.title;
const count = /** @type {HTMLElement | null} */ (document.getElementById("news-count"));
const line = /** @type {HTMLElement | null} */ (document.getElementById("news"));

/** Those that have come in since this page was made. @type {Set<number>} */
const fresh = new Set();

/** @returns {{since: string, told: string} | null} Up to where was told, if that is not long ago. */
function known() {
  const { since = "", told = "", at = 0 } = JSON.parse(localStorage.getItem(kept) ?? "{}");
  return Date.now() - at < OLDEST_SECONDS * 1000 ? { since, told } : null;
}

/** @param {News} news */
function show({ faxes, notices }) {
  for (const { id } of faxes) {
    // What stands in this list is not new.
    if (!document.querySelector(`main a[href="/faxes/${id}"]`)) {
      fresh.add(id);
    }
  }
  if (fresh.size && count) {
    document.title = `(${fresh.size}) ${title}`;
    count.textContent = String(fresh.size);
    count.hidden = false;
  }
  if (!line || !(fresh.size || notices.length)) {
    return;
  }
  const link = document.createElement("a");
  link.href = "/inbox";
  link.textContent = fresh.size ? ngettext("{count} new fax has come in", "{count} new faxes have come in", fresh.size) : notices[0].words;
  line.replaceChildren(link);
  line.hidden = false;
}

/** @param {string} words @param {string} path */
function notify(words, path) {
  const notification = new Notification(title, { body: words, tag: path });
  notification.addEventListener("click", () => {
    globalThis.focus();
    location.assign(path);
  });
}

/** @returns {Promise<boolean>} whether to go on */
async function ask() {
  const answer = await fetch(`/news?${new URLSearchParams(known() ?? {})}`, { headers: { Accept: "application/json" }, redirect: "error" });
  if (answer.status === 401) {
    over();
    channel?.postMessage(null);
    return true;
  }
  if (!answer.ok) {
    return answer.status >= 500;
  }
  /** @type {News} */
  const news = await answer.json();
  if (!back(news, user)) {
    return true;
  }
  localStorage.setItem(kept, JSON.stringify({ since: news.since, told: news.told, at: Date.now() }));
  show(news);
  channel?.postMessage(news);
  // A page that has just let somebody in hands on by itself, and says so (hand-on-now.js).
  if (news.waits && !document.querySelector("[data-just-changed]")) {
    await (await import("./waiting.js")).handOnHere(user);
  }
  if (wantsNotifications() && !document.hasFocus()) {
    news.faxes.forEach(({ id, words }) => notify(words, `/faxes/${id}`));
    news.notices.forEach(({ fax, words }) => notify(words, `/faxes/${fax}`));
  }
  return true;
}

/** Until somebody looks again, or the time is over. @returns {Promise<void>} */
function pause() {
  const seconds = document.hidden ? HIDDEN_SECONDS : SECONDS;
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", done);
      resolve();
    };
    const timer = setTimeout(done, seconds * 1000);
    document.addEventListener("visibilitychange", done);
  });
}

/** Asks, and lets no other page of this browser do so for a while. @returns {Promise<boolean>} whether to go on */
async function turn() {
  let goesOn = true;
  try {
    goesOn = await ask();
  } catch (error) {
    console.warn(error);
  }
  if (goesOn) {
    await pause();
  }
  return goesOn;
}

/** @returns {Promise<void>} */
async function goOn() {
  for (let goesOn = true; goesOn; ) {
    if (document.hidden && !wantsNotifications()) {
      // Nobody sees it: others have the turn.
      await pause();
    } else {
      // Locks are for secure pages; on others each page asks.
      goesOn = navigator.locks ? await navigator.locks.request(kept, turn) : await turn();
    }
  }
}

if (localStorage.getItem(`told of keys of ${user}`)) {
  import("./waiting.js").then(({ showTold }) => showTold(user)).catch((error) => console.warn(error));
}
// What another page has heard; null: the session is over.
channel?.addEventListener("message", ({ data }) => {
  if (data === null) {
    over();
  } else if (back(data, user)) {
    show(data);
  }
});
forgetLeft();
goOn().catch((error) => console.warn(error));
