import type { SchemaField } from '../../generated/schema.js'
import { enums, messages } from '../../generated/schema.js'
import type { JsonValue } from './parse-json.ts'
import { JsonNumber } from './parse-json.ts'

/** A protocol message as the services take and give it: properties by the fields' camel-case names. */
export type MessageObject = Readonly<Record<string, unknown>>

/** JSON that does not fit the message it stands for. */
export class JsonMessageError extends Error {
  override readonly name = 'JsonMessageError'
}

type ReadValue = (json: JsonValue, key: string) => unknown

interface FieldReader {
  readonly name: string
  readonly read: ReadValue
}

/**
 * Turns JSON into a message: names as in the protocol file or in camel case, 64-bit integers as numbers or
 * strings, bytes in base64, enums by name or number. Unknown fields and enum names are ignored, `null` is an
 * absent field.
 *
 * Source: the JSON mapping of proto3, as Go's protojson reads it with `DiscardUnknown`.
 *
 * @param type full name of the message, for example `etcdserverpb.PutRequest`
 * @throws JsonMessageError
 */
export function messageFromJson(type: string, json: JsonValue): MessageObject {
  if (!(json instanceof Map)) throw new JsonMessageError(`unexpected token ${describe(json)}`)
  const readers = readersOf(type)
  const message: Record<string, unknown> = {}
  for (const [key, value] of json) {
    const reader = readers.get(key)
    if (reader === undefined || value === null) continue
    if (Object.hasOwn(message, reader.name))
      throw new JsonMessageError(`duplicate field ${JSON.stringify(key)}`)
    const read = reader.read(value, key)
    if (read !== undefined) message[reader.name] = read
  }
  return message
}

/** Tables of readers by message; they derive from the schema alone, so all instances may share them. */
const readersByType = new Map<string, ReadonlyMap<string, FieldReader>>()

function readersOf(type: string): ReadonlyMap<string, FieldReader> {
  const known = readersByType.get(type)
  if (known !== undefined) return known
  const readers = new Map<string, FieldReader>()
  for (const field of messages[type] ?? []) {
    const reader = { name: field.name, read: readerOf(field) }
    readers.set(field.protoName, reader)
    readers.set(lowerCamelCase(field.protoName), reader)
  }
  readersByType.set(type, readers)
  return readers
}

/** The name of a field in canonical JSON: underscores are dropped and the letters after them raised. */
function lowerCamelCase(protoName: string): string {
  return protoName.replaceAll(/_+(.?)/g, (_, letter: string) => letter.toUpperCase())
}

function readerOf(field: SchemaField): ReadValue {
  const read = scalarReaders[field.type] ?? enumReader(field.type) ?? messageReader(field.type)
  if (field.map === true) return mapReader(read)
  return field.repeated === true ? listReader(read) : read
}

function listReader(read: ReadValue): ReadValue {
  return (json, key) => {
    if (!Array.isArray(json)) throw invalid('list', key, json)
    return json.map((element) => read(element, key)).filter((element) => element !== undefined)
  }
}

function mapReader(read: ReadValue): ReadValue {
  return (json, key) => {
    if (!(json instanceof Map)) throw invalid('map', key, json)
    return Object.fromEntries([...json].map(([name, value]) => [name, read(value, key)]))
  }
}

function messageReader(type: string): ReadValue {
  return (json) => messageFromJson(type, json)
}

function enumReader(type: string): ReadValue | undefined {
  const values = enums[type]
  if (values === undefined) return undefined
  const byName = new Map(Object.entries(values))
  return (json, key) => {
    if (typeof json === 'string') return byName.get(json)
    if (json instanceof JsonNumber) return Number(integer(json, int32, 'enum', key))
    throw invalid('enum', key, json)
  }
}

interface IntegerRange {
  readonly min: bigint
  readonly max: bigint
}

const int32: IntegerRange = { min: -(2n ** 31n), max: 2n ** 31n - 1n }
const uint32: IntegerRange = { min: 0n, max: 2n ** 32n - 1n }
const int64: IntegerRange = { min: -(2n ** 63n), max: 2n ** 63n - 1n }
const uint64: IntegerRange = { min: 0n, max: 2n ** 64n - 1n }

/** Half a character, which UTF-8 cannot express. */
const loneSurrogate = /\p{Surrogate}/u

const scalarReaders: Readonly<Record<string, ReadValue | undefined>> = {
  bool: (json, key) => {
    if (typeof json !== 'boolean') throw invalid('bool', key, json)
    return json
  },
  string: (json, key) => {
    if (typeof json !== 'string' || loneSurrogate.test(json)) throw invalid('string', key, json)
    return json
  },
  bytes: (json, key) => {
    const bytes = typeof json === 'string' ? fromBase64(json) : undefined
    if (bytes === undefined) throw invalid('bytes', key, json)
    return bytes
  },
  int32: (json, key) => Number(integer(json, int32, 'int32', key)),
  uint32: (json, key) => Number(integer(json, uint32, 'uint32', key)),
  int64: (json, key) => integer(json, int64, 'int64', key),
  uint64: (json, key) => integer(json, uint64, 'uint64', key),
}

/** Digits that always fit a safe integer: the way of nearly all numbers. */
const fewDigits = /^-?\d{1,15}$/
const decimal = /^(-?)(\d{1,64})(?:\.(\d{1,64}))?(?:[eE]([+-]?\d{1,3}))?$/

/** An integer, however it is written; a safe one as number, else as bigint. */
function integer(json: JsonValue, range: IntegerRange, type: string, key: string): number | bigint {
  const text = json instanceof JsonNumber ? json.text : json
  if (typeof text !== 'string') throw invalid(type, key, json)
  const value = fewDigits.test(text) ? Number(text) : exactInteger(text)
  if (value === undefined || value < range.min || value > range.max) throw invalid(type, key, json)
  return Number.isSafeInteger(Number(value)) ? Number(value) : value
}

/** Reads `1.5e3` as 1500 without rounding. Undefined when it is no integer. */
function exactInteger(text: string): bigint | undefined {
  const match = decimal.exec(text)
  if (match === null) return undefined
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match
  const digits = BigInt(whole + fraction)
  const scale = Number(exponent) - fraction.length
  const unit = 10n ** BigInt(Math.abs(scale))
  if (scale < 0 && digits % unit !== 0n) return undefined
  const magnitude = scale < 0 ? digits / unit : digits * unit
  return sign === '-' ? -magnitude : magnitude
}

const base64 = /^[A-Za-z0-9+/]*={0,2}$/
const base64Url = /^[A-Za-z0-9_-]*={0,2}$/

/** Standard or URL alphabet, with or without padding. Undefined when it is neither. */
function fromBase64(text: string): Uint8Array | undefined {
  if (!base64.test(text) && !base64Url.test(text)) return undefined
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const digits = text.length - padding
  if (digits % 4 === 1 || (padding > 0 && text.length % 4 !== 0)) return undefined
  return Buffer.from(text, 'base64')
}

function invalid(type: string, key: string, json: JsonValue): JsonMessageError {
  return new JsonMessageError(`invalid value for ${type} field ${key}: ${describe(json)}`)
}

/** Enough of a value to recognise it in a log line. */
function describe(json: JsonValue): string {
  if (json instanceof JsonNumber) return json.text.slice(0, 32)
  if (typeof json === 'string') return JSON.stringify(json.slice(0, 32))
  if (json instanceof Map) return '{'
  return Array.isArray(json) ? '[' : JSON.stringify(json)
}
