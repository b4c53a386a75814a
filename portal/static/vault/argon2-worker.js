// @ts-check
/**
 * Argon2id beside the page: one password, then its maker ends it. WebAssembly needs 'wasm-unsafe-eval' in the policy with which
 * this file is served: a worker has a policy of its own.
 */

import "./vendor/hash-wasm/dist/argon2.umd.min.js";

self.onmessage = async ({ data }) => {
  const { password, salt, memory, passes, lanes, length } = data;
  try {
    // The package has no module: it leaves its functions in a global name.
    const key = await /** @type {any} */ (self).hashwasm.argon2id({
      password,
      salt,
      memorySize: memory,
      iterations: passes,
      parallelism: lanes,
      hashLength: length,
      outputType: "binary",
    });
    self.postMessage({ key });
  } catch (error) {
    self.postMessage({ problem: String(error) });
  }
};
