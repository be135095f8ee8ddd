import { type InstanceStatus, instanceStatuses } from './instance-info.ts'
import { wireLimits } from './limits.ts'
import { refuseBody, refuseSize } from './refuse.ts'

/** An object of a body, whose fields can be anything yet. */
export type Fields = Readonly<Record<string, unknown>>

/** An integer, and what is read when it is absent. */
export interface IntegerRange {
  readonly min: number
  readonly max: number
  readonly absent: number
}

/** Whether `value` is an object with fields, and neither null nor an array. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

// With the `u` flag a pair is one code point, so this finds only halves.
const loneSurrogate = /[\ud800-\udfff]/u
const decimal = /^-?\d{1,16}(?:\.\d*)?$/

/**
 * Reads the fields of one instance, as leniently as Eureka's own server does: numbers and booleans may be text,
 * text may be a number, null is as good as absent. It counts what it has read, so that an instance stays
 * within `wireLimits.instanceMaxBytes`.
 */
export class FieldReader {
  #bytes = 0

  /** A text, byte for byte; undefined when it is absent. @throws EurekaError `EUREKA_BODY_INVALID`, `EUREKA_BODY_TOO_LARGE` */
  text(value: unknown, field: string, maxBytes: number): string | undefined {
    if (value === undefined || value === null) return undefined
    const text = textOfScalar(value, field)
    const bytes = Buffer.byteLength(text)
    if (bytes > maxBytes) refuseSize(field, `has ${bytes} bytes, at most ${maxBytes}`)
    this.#bytes += bytes
    if (this.#bytes > wireLimits.instanceMaxBytes) {
      refuseSize('instance', `has more than ${wireLimits.instanceMaxBytes} bytes`)
    }
    if (loneSurrogate.test(text)) refuseBody(field, 'has half of a surrogate pair')
    return text
  }

  /** What something is called. Names end up in keys, paths and logs, so they have no control characters. */
  name(value: unknown, field: string): string | undefined {
    const text = this.text(value, field, wireLimits.nameMaxBytes)
    if (text !== undefined && /\p{Cc}/u.test(text)) refuseBody(field, 'has control characters')
    return text
  }

  /** An integer, or text that is one. Fractions are cut off: some clients compute times with floats. */
  integer(value: unknown, field: string, { min, max, absent }: IntegerRange): number {
    if (value === undefined || value === null) return absent
    const text = typeof value === 'string' ? value.trim() : value
    if (text === '') return absent
    if (typeof text !== 'number' && !(typeof text === 'string' && decimal.test(text))) {
      refuseBody(field, 'is not a number')
    }
    const number = Math.trunc(Number(text))
    if (!(number >= min && number <= max)) refuseBody(field, `is from ${min} to ${max}`)
    // -0.5 is cut to -0.
    return number + 0
  }

  /** `true` or `false`, or text that says so; anything else is the default, as Eureka's own readers have it. */
  flag(value: unknown, absent: boolean): boolean {
    if (typeof value === 'boolean') return value
    if (typeof value !== 'string') return absent
    const text = value.trim().toLowerCase()
    return absent ? text !== 'false' : text === 'true'
  }

  /** A status. One that is not known is `UNKNOWN`. */
  status(value: unknown, field: string, absent: InstanceStatus): InstanceStatus {
    const text = this.text(value, field, wireLimits.nameMaxBytes)?.trim().toUpperCase()
    if (text === undefined) return absent
    return instanceStatuses.find((status) => status === text) ?? 'UNKNOWN'
  }

  /**
   * A map of texts. `@class` is what Java's serializers put in it; it is no entry. Entries that are null are left out.
   * A key `__proto__` is refused: whoever copied the map by assignment would lose it.
   */
  map(value: unknown, field: string): Readonly<Record<string, string>> {
    if (value === undefined || value === null || value === '') return {}
    if (!isFields(value)) refuseBody(field, 'is not an object')
    const keys = Object.keys(value).filter((key) => key !== '@class')
    if (keys.length > wireLimits.metadataMaxEntries) {
      refuseSize(field, `has ${keys.length} entries, at most ${wireLimits.metadataMaxEntries}`)
    }
    const entries: [string, string][] = []
    for (const key of keys) {
      if (key === '__proto__') refuseBody(field, 'has a key __proto__')
      const name = this.text(key, `${field}: a key`, wireLimits.metadataKeyMaxBytes) ?? key
      const text = this.text(value[key], `${field}.${name}`, wireLimits.metadataValueMaxBytes)
      if (text !== undefined) entries.push([name, text])
    }
    return Object.fromEntries(entries)
  }
}

function textOfScalar(value: unknown, field: string): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return refuseBody(field, 'is not a text')
}
