import { parse, TomlError } from 'smol-toml'
import { contentMaxDepth } from './content-limits.js'
import { ContentFault, refuseAt, tooDeep } from './fault.js'

/**
 * TOML 1.0.
 *
 * @param {string} content
 * @throws {ContentFault}
 */
export function checkToml(content) {
  checkDepth(content, parsed(content))
  checkDays(content)
}

/** The last days of months: only of these, the parser does not know whether a month has them. */
const lastDays = /(\d{4})-(?:02-(29|30|31)|(?:04|06|09|11)-31)/g

/**
 * Days that their month does not have: the parser takes them for some of the next month, and does not tell where they were. So it reads
 * the content once more, with a day in their place that it refuses; where they are no days, but texts or comments, it does not.
 *
 * Source: TOML 1.0, offset date-time; RFC 3339, section 5.7.
 *
 * @param {string} content
 */
function checkDays(content) {
  const marked = content.replace(lastDays, (date, year, february) =>
    february === '29' && isLeap(Number(year)) ? date : `${date.slice(0, -2)}9${date.slice(-1)}`,
  )
  if (marked === content) return
  try {
    parsed(marked)
  } catch (error) {
    // Names may look like days, and now like each other.
    if (error instanceof ContentFault && error.message === 'invalid date') throw error
  }
}

/** @param {number} year */
function isLeap(year) {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}

/**
 * @param {string} content
 * @returns {object}
 */
function parsed(content) {
  try {
    return parse(content, { maxDepth: contentMaxDepth, integersAsBigInt: 'asNeeded' })
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    // Below its first line it quotes the content.
    const [reason = ''] = error.message.replace(/^Invalid TOML document: /, '').split('\n', 1)
    throw new ContentFault(reason, error)
  }
}

/**
 * @typedef {object} Level
 * @property {number} depth
 * @property {object} value
 * @property {string} name
 * @property {Level | undefined} parent
 */

/**
 * Dots between names nest as brackets do, but nothing goes into the depth with the stack: the parser has not looked.
 *
 * @param {string} content
 * @param {object} root
 */
function checkDepth(content, root) {
  /** @type {Level[]} */
  const waiting = [{ depth: 1, value: root, name: '', parent: undefined }]
  for (let level = waiting.pop(); level !== undefined; level = waiting.pop()) {
    // The document itself is a table that nobody wrote.
    if (level.depth - 1 > contentMaxDepth) refuseAt(content, offsetOf(content, level), tooDeep)
    for (const [name, value] of entriesOf(level.value)) {
      if (isStructure(value)) waiting.push({ depth: level.depth + 1, value, name, parent: level })
    }
  }
}

/**
 * @param {object} value
 * @returns {readonly (readonly [name: string, value: unknown])[]}
 */
function entriesOf(value) {
  if (Array.isArray(value)) return value.map((/** @type {unknown} */ item) => ['', item])
  return Object.entries(value)
}

/**
 * Dates are objects as well.
 *
 * @param {unknown} value
 * @returns {value is object}
 */
function isStructure(value) {
  return typeof value === 'object' && value !== null && !(value instanceof Date)
}

/**
 * About where a level is written: the first place before which the names that lead to it stand in their order.
 *
 * @param {string} content
 * @param {Level} level
 */
function offsetOf(content, level) {
  /** @type {string[]} */
  const names = []
  for (let at = /** @type {Level | undefined} */ (level); at !== undefined; at = at.parent)
    names.push(at.name)
  let offset = 0
  for (const name of names.reverse()) {
    const found = content.indexOf(name, offset)
    if (found !== -1) offset = found + name.length
  }
  return Math.max(0, offset - level.name.length)
}
