import { invariant, type Random } from '@orrery/environment'

/**
 * Where an entry stands among those of its subject. Its time is never before that of the entry before it, whatever clocks say; where
 * both are of the same millisecond, `order` is higher.
 */
export interface AuditPlace {
  /** Unit: ms since the epoch. */
  readonly atMs: number
  /** A revision of the store at which its subject was before: each later write of it is decided on a higher one. */
  readonly order: number
}

/** Decimal, so that people can read it: until the year 5138. */
const timeDigits = 14
const timeMax = 10 ** timeDigits - 1
/** In base 36: a store that takes a million revisions a second gets there in three years. */
const orderDigits = 9
const orderMax = 36 ** orderDigits - 1
/** Who wrote it, and which of his: so many characters each, in base 36. */
const tagDigits = 6
const tagMax = 36 ** tagDigits - 1
const countDigits = 3
const countMax = 36 ** countDigits - 1

/**
 * Makes the ids of records: `<time>-<order>-<writer and count>`. No two writers make the same one, and no writer makes one twice. A record
 * has the entries of one txn and one time; its order is the highest of theirs.
 *
 * In the store ids stand upside down, each digit as what is missing to the highest one, so that the newest come first: a store gives the
 * first keys of a range at once, and the last ones only after all others.
 */
export class AuditIds {
  readonly #tag: string
  #count = 0
  /** Entries of one time are many. */
  #timeMs = -1
  #time = ''

  constructor(random: Random) {
    this.#tag = inverse(random.below(2 ** 31) % (tagMax + 1), tagMax, tagDigits)
  }

  /** @returns an id as it stands in the store */
  next({ atMs, order }: AuditPlace): string {
    invariant(atMs >= 0 && atMs <= timeMax, 'a time is after the epoch')
    invariant(order >= 0 && order <= orderMax, 'a revision is not negative')
    if (atMs !== this.#timeMs) {
      this.#timeMs = atMs
      this.#time = timeKey(atMs)
    }
    this.#count = this.#count === countMax ? 0 : this.#count + 1
    const count = inverse(this.#count, countMax, countDigits)
    return `${this.#time}-${inverse(order, orderMax, orderDigits)}-${this.#tag}${count}`
  }
}

/** The beginning of the ids of records of a time, as they stand in the store. @param atMs what is out of range is taken for the end of it */
export function timeKey(atMs: number): string {
  const bounded = Math.min(Math.max(0, Math.floor(atMs)), timeMax)
  return String(timeMax - bounded).padStart(timeDigits, '0')
}

/** The same of a time and an order. @param place what is out of range is taken for the end of it */
export function orderKey({ atMs, order }: AuditPlace): string {
  return `${timeKey(atMs)}-${inverse(Math.min(order, orderMax), orderMax, orderDigits)}`
}

/** What {@link timeKey} gave of something that begins with it. */
export function timePart(begin: string): string {
  return begin.slice(0, timeDigits)
}

const idForm = /^\d{14}-[\da-z]{9}-[\da-z]{9}$/
/** Which entry of a record it is, in base 36. */
const entryDigits = 2

/** Whether it looks like an id, whichever way up. */
export function isAuditId(text: string): boolean {
  return idForm.test(text)
}

/** An id as it stands in the store, and the other way round. @param id for which {@link isAuditId} holds */
export function invertId(id: string): string {
  const { atMs, order } = placeOfId(id)
  const unique = id.slice(-tagDigits - countDigits)
  const tag = Number.parseInt(unique.slice(0, tagDigits), 36)
  const count = Number.parseInt(unique.slice(tagDigits), 36)
  const time = String(timeMax - atMs).padStart(timeDigits, '0')
  const rest = inverse(tag, tagMax, tagDigits) + inverse(count, countMax, countDigits)
  return `${time}-${inverse(order, orderMax, orderDigits)}-${rest}`
}

/** What an id says. @param id for which {@link isAuditId} holds */
export function placeOfId(id: string): AuditPlace {
  const orderAt = timeDigits + 1
  return {
    atMs: Number(id.slice(0, timeDigits)),
    order: Number.parseInt(id.slice(orderAt, orderAt + orderDigits), 36),
  }
}

/** The id of an entry. @param id of its record, as it stands in the store @param at which of the record it is, from 0 */
export function entryIdOf(id: string, at: number): string {
  return `${invertId(id)}-${at.toString(36).padStart(entryDigits, '0')}`
}

function inverse(value: number, max: number, digits: number): string {
  return (max - value).toString(36).padStart(digits, '0')
}
