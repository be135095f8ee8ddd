/**
 * What is wrong with a content, and where. Plain JavaScript, as all that checks formats that take long: a worker thread loads it without
 * any loader, from the sources as well as from a build.
 */

import { contentMaxDepth } from './content-limits.js'

/** What is said of a content that nests too much. */
export const tooDeep = `must not be nested more than ${contentMaxDepth} deep`

/**
 * Where something stands in a content. Both from 1 on; columns are UTF-16 code units.
 *
 * @typedef {object} Place
 * @property {number} line
 * @property {number} column
 */

/** A content is not of its format. */
export class ContentFault extends Error {
  /**
   * @param {string} reason without the place
   * @param {Place} place the first where one sees it
   */
  constructor(reason, { line, column }) {
    super(reason)
    this.line = line
    this.column = column
  }
}

/**
 * Lines end with LF, CR LF or CR.
 *
 * @param {string} content
 * @param {number} offset in UTF-16 code units, from 0 on
 * @returns {Place}
 */
export function placeAt(content, offset) {
  let line = 1
  let begin = 0
  for (let at = 0; at < offset; at++) {
    const char = content[at]
    const isEnd = char === '\n' || (char === '\r' && content[at + 1] !== '\n')
    if (!isEnd) continue
    line++
    begin = at + 1
  }
  return { line, column: offset - begin + 1 }
}

/**
 * @param {string} content
 * @param {number} offset
 * @param {string} reason
 * @returns {never}
 * @throws {ContentFault} always
 */
export function refuseAt(content, offset, reason) {
  throw new ContentFault(reason, placeAt(content, offset))
}
