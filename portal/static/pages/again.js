// @ts-check
/** What somebody else came before is done again, from asking what is to be wrapped. */

import { Refused } from "./client.js";

const TRIES = 3;
const MOVED = ["epoch-moved", "keys-moved"];

/**
 * @template T
 * @param {() => Promise<T>} act
 * @returns {Promise<T>} Rejects as it does, the last time.
 */
export async function again(act) {
  for (let left = TRIES - 1; left; left -= 1) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof Refused && MOVED.includes(error.id))) {
        throw error;
      }
    }
  }
  return act();
}
