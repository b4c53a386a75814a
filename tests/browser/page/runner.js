// Asks the server for the next action, does it, and says what came of it, until there are no more.
import * as enrol from "./enrol_actions.js";
import * as forward from "./forward_actions.js";
import * as keyring from "./keyring_actions.js";
import * as pages from "./pages_actions.js";
import * as passkeys from "./passkeys_actions.js";
import * as passphrases from "./passphrases_actions.js";
import * as policy from "./policy_actions.js";
import * as printedKeys from "./printed_keys_actions.js";
import * as sealed from "./sealed_actions.js";
import * as wraps from "./wraps_actions.js";

const actions = { ...enrol, ...forward, ...keyring, ...pages, ...passkeys, ...passphrases, ...policy, ...printedKeys, ...sealed, ...wraps };
const MODULES = [
  "errors", "header", "sealed", "wraps", "passkeys", "passphrases", "printed-keys", "new-password", "keyring", "enrol", "forward", "remembered",
  "page-images", "ranges",
];

// Bytes go to and fro as {"bytes": hex}.
function revived(_key, value) {
  return typeof value?.bytes === "string"
    ? Uint8Array.from(value.bytes.match(/../g) ?? [], (pair) => parseInt(pair, 16))
    : value;
}

function written(_key, value) {
  return value instanceof Uint8Array
    ? { bytes: Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("") }
    : value;
}

async function outcome({ action, given, base }) {
  try {
    const modules = await Promise.all(MODULES.map((name) => import(`${base}/${name}.js`)));
    return { value: (await actions[action](Object.assign({}, ...modules), given)) ?? null };
  } catch (error) {
    const { name, message, errorId, retryable, stack, cause } = error;
    return { problem: { name, message, errorId, retryable, stack, cause: String(cause) } };
  }
}

for (;;) {
  const asked = await fetch("/next");
  if (asked.status === 200) {
    const job = JSON.parse(await asked.text(), revived);
    const body = JSON.stringify({ id: job.id, ...(await outcome(job)) }, written);
    await fetch("/outcome", { method: "POST", body });
  }
}
