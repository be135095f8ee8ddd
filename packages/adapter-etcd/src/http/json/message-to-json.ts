import type { SchemaField } from '../../generated/schema.js'
import { enums, messages } from '../../generated/schema.js'
import type { MessageObject } from './message-from-json.ts'

/** Gives the JSON of a value, or undefined when the value is the field's zero, which JSON leaves out. */
type WriteValue = (value: unknown) => string | undefined

interface FieldWriter {
  readonly name: string
  /** `"name":` */
  readonly label: string
  readonly write: WriteValue
}

/**
 * Turns a message into JSON: names as in the protocol file, 64-bit integers as strings, bytes in base64,
 * enums by name, zero values left out.
 *
 * Source: the JSON mapping of proto3, as etcd configures it (`UseProtoNames`, no `EmitUnpopulated`).
 *
 * @param type full name of the message, for example `etcdserverpb.RangeResponse`
 */
export function messageToJson(type: string, message: MessageObject): string {
  let json = ''
  for (const { name, label, write } of writersOf(type)) {
    const value = message[name]
    if (value === undefined || value === null) continue
    const written = write(value)
    if (written !== undefined) json += json === '' ? label + written : `,${label}${written}`
  }
  return `{${json}}`
}

/** Tables of writers by message; they derive from the schema alone, so all instances may share them. */
const writersByType = new Map<string, readonly FieldWriter[]>()

function writersOf(type: string): readonly FieldWriter[] {
  const known = writersByType.get(type)
  if (known !== undefined) return known
  const writers = (messages[type] ?? []).map((field) => ({
    name: field.name,
    label: `${JSON.stringify(field.protoName)}:`,
    write: writerOf(field),
  }))
  writersByType.set(type, writers)
  return writers
}

function writerOf(field: SchemaField): WriteValue {
  const write = scalarWriters[field.type] ?? enumWriter(field.type) ?? messageWriter(field.type)
  if (field.map === true) return mapWriter(write)
  return field.repeated === true ? listWriter(write, zeroOf(field.type)) : write
}

function listWriter(write: WriteValue, zero: string): WriteValue {
  return (value) => {
    if (!Array.isArray(value) || value.length === 0) return undefined
    return `[${value.map((element: unknown) => write(element) ?? zero).join(',')}]`
  }
}

function mapWriter(write: WriteValue): WriteValue {
  return (value) => {
    const entries = typeof value === 'object' && value !== null ? Object.entries(value) : []
    if (entries.length === 0) return undefined
    const written = entries.map(
      ([key, entry]: [string, unknown]) => `${JSON.stringify(key)}:${write(entry) ?? ''}`,
    )
    return `{${written.join(',')}}`
  }
}

function messageWriter(type: string): WriteValue {
  return (value) => messageToJson(type, value as MessageObject)
}

function enumWriter(type: string): WriteValue | undefined {
  const values = enums[type]
  if (values === undefined) return undefined
  const names = new Map(Object.entries(values).map(([name, value]) => [value, JSON.stringify(name)]))
  const zero = names.get(0)
  return (value) => {
    if (typeof value !== 'number') return undefined
    const name = names.get(value) ?? String(value)
    return name === zero ? undefined : name
  }
}

const integer64: WriteValue = (value) => {
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined
  return Number(value) === 0 ? undefined : `"${String(value)}"`
}

const integer32: WriteValue = (value) =>
  typeof value !== 'number' || value === 0 ? undefined : String(value)

const scalarWriters: Readonly<Record<string, WriteValue | undefined>> = {
  bool: (value) => (value === true ? 'true' : undefined),
  string: (value) => (typeof value !== 'string' || value === '' ? undefined : JSON.stringify(value)),
  bytes: (value) => {
    if (!(value instanceof Uint8Array) || value.length === 0) return undefined
    const buffer = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    return `"${buffer.toString('base64')}"`
  },
  int32: integer32,
  uint32: integer32,
  int64: integer64,
  uint64: integer64,
}

/** What a zero value is inside a list, where it cannot be left out. */
function zeroOf(type: string): string {
  switch (type) {
    case 'bool':
      return 'false'
    case 'string':
    case 'bytes':
      return '""'
    case 'int64':
    case 'uint64':
      return '"0"'
    default: {
      const names = Object.entries(enums[type] ?? {})
      const [name] = names.find(([, value]) => value === 0) ?? []
      return name === undefined ? '0' : JSON.stringify(name)
    }
  }
}
