/** A revision counted from the start of the current round, so that a round can be replayed anywhere. */
export interface RelativeRevision {
  readonly relative: number
}

/** A message as its fields, under the names of the protocol. */
export interface Fields {
  readonly [name: string]: FieldValue
}

export type FieldValue =
  | number
  | bigint
  | string
  | boolean
  | Uint8Array
  | RelativeRevision
  | Fields
  | readonly FieldValue[]
  | undefined

/** Marks a revision that is relative to the round. */
export function relative(revision: number): RelativeRevision {
  return { relative: revision }
}

/** Keys and values as text with one character per byte: easy to write down, to compare and to print. */
export function bytes(latin1: string): Uint8Array {
  return Buffer.from(latin1, 'latin1')
}

/** The inverse of {@link bytes}. */
export function text(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1')
}

/** Replaces relative revisions by those of a round that starts at `base`. */
export function resolve(fields: Fields, base: number): Fields {
  const resolved: Record<string, FieldValue> = {}
  for (const [name, value] of Object.entries(fields)) resolved[name] = resolveValue(value, base)
  return resolved
}

function resolveValue(value: FieldValue, base: number): FieldValue {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value instanceof Uint8Array) return value
  if (isList(value)) return value.map((element) => resolveValue(element, base))
  if (isRelative(value)) return base + value.relative
  return resolve(value, base)
}

function isList(value: FieldValue): value is readonly FieldValue[] {
  return Array.isArray(value)
}

function isRelative(value: RelativeRevision | Fields): value is RelativeRevision {
  return 'relative' in value
}

/** Fields of responses that hold bytes, as base64. */
const byteFields = new Set(['key', 'value'])

/** How a request or a response is shown in a report: bytes as characters, long ones shortened. */
export function printable(message: unknown): string {
  return JSON.stringify(message, (name, field: unknown) => {
    if (typeof field === 'bigint') return field.toString()
    if (isSerialisedBuffer(field)) return shorten(Buffer.from(field.data).toString('latin1'))
    if (field instanceof Uint8Array) return shorten(text(field))
    if (typeof field === 'string' && byteFields.has(name)) {
      return shorten(Buffer.from(field, 'base64').toString('latin1'))
    }
    return field
  })
}

/** JSON.stringify turns a Buffer into this before the replacer sees it. */
function isSerialisedBuffer(value: unknown): value is { readonly data: readonly number[] } {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer'
}

function shorten(value: string): string {
  return value.length <= 200 ? value : `${value.slice(0, 40)}…(${value.length} bytes)`
}
