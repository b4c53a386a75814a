// @ts-check
/** Another password: the key is opened by the old one and locked by the new one, here. */

import { lockByPassword } from "../vault/enrol.js";
import { checkNew } from "../vault/new-password.js";
import { withKey } from "./account-key.js";
import { send } from "./client.js";
import { onSubmit } from "./field.js";
import { _ } from "./language.js";
import { judges } from "./new-password.js";

const form = /** @type {HTMLElement} */ (document.getElementById("change"));
const old = /** @type {HTMLInputElement} */ (document.getElementById("old"));
const password = /** @type {HTMLInputElement} */ (document.getElementById("password"));

judges(password, () => JSON.parse(form.dataset.words ?? "[]"));

onSubmit("change", _("Working on your passwords. This takes a moment."), async () => {
  await withKey(old.value, async ({ key, auth, words }) => {
    await checkNew(password.value, words);
    await send("/account/password", { auth, password: await lockByPassword(key, password.value) });
  });
  location.assign("/account?note=saved");
});
