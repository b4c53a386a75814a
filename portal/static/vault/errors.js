// @ts-check
/** What can go wrong in the vault. Code decides by class or `errorId`, never by text; the ids are those of faxplan's Python. */

/** The base class. The message says what is wrong and what to do. */
export class FaxplanError extends Error {
  /** Stable, for programs. */
  static errorId = "error";
  /** Whether the same may succeed later. */
  static retryable = false;

  /** @param {string} message @param {ErrorOptions} [options] */
  constructor(message, options) {
    super(message, options);
    this.name = new.target.name;
  }

  /** @returns {string} */
  get errorId() {
    return /** @type {typeof FaxplanError} */ (this.constructor).errorId;
  }

  /** @returns {boolean} */
  get retryable() {
    return /** @type {typeof FaxplanError} */ (this.constructor).retryable;
  }
}

/** A file or a wrap is none of ours, was changed or cut off, or is another's than its key. */
export class SealBroken extends FaxplanError {
  static errorId = "seal-broken";
}

/** A password, passphrase or recovery code does not open the key. */
export class WrongSecret extends FaxplanError {
  static errorId = "wrong-secret";
}

/** A server asked for a derivation that is too cheap to guess against. */
export class WeakParameters extends FaxplanError {
  static errorId = "weak-parameters";
}

/** A new password is too short or too common, or a recovery code is none. */
export class InvalidSecret extends FaxplanError {
  static errorId = "invalid-secret";
}

/** This browser could not run Argon2id: WebAssembly is blocked, or memory is short. */
export class CannotDerive extends FaxplanError {
  static errorId = "cannot-derive";
  static retryable = true;
}

/** This browser's WebCrypto has no X25519, without which it opens no key. */
export class BrowserTooOld extends FaxplanError {
  static errorId = "browser-too-old";
}

/** A ZIP of page images is not as Faxplan writes it. */
export class PageImagesBroken extends FaxplanError {
  static errorId = "broken-page-images";
}

/** The server did not give a file, or gave something else than was asked for. */
export class NotFetched extends FaxplanError {
  static errorId = "not-fetched";
  static retryable = true;
}

/** None of the keys at hand opens it: its documents stay locked for this user. */
export class NeedsReader extends FaxplanError {
  static errorId = "needs-reader";
}

/** A passkey, or the browser, has no secret to open anything with: it can log in only. */
export class PasskeyOpensNothing extends FaxplanError {
  static errorId = "passkey-opens-nothing";
}

/** No passkey was used: the user turned away, took too long, or has none of them here. */
export class PasskeyRefused extends FaxplanError {
  static errorId = "passkey-refused";
  static retryable = true;
}
