/** A failure that the worker reports with one of the package's codes, rather than with LMDB's number. */
export class FileError extends Error {
  /**
   * @param {import('./errors.ts').LmdbErrorCode} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message)
    this.code = code
  }
}
