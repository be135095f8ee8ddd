/**
 * A block that breaks RFC 7541. The tables of both sides are out of step from here on, so the connection
 * cannot go on (RFC 9113, section 4.3: `COMPRESSION_ERROR`).
 */
export class HpackError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'HpackError'
  }
}
