import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'
import type { Fields } from './wire.ts'

const directory = fileURLToPath(new URL('../../../packages/adapter-etcd/proto/', import.meta.url))

/** Turns one kind of message into bytes and back, by protobufjs' reflection: no code of ours decodes. */
export interface Codec {
  encode(fields: Fields): Buffer
  /** Fields that are absent or have their default value are left out; 64-bit numbers are decimal text, bytes base64. */
  decode(bytes: Uint8Array): Readonly<Record<string, unknown>>
  /** Whether the schema names every field in `bytes`. */
  knowsAllFieldsOf(bytes: Uint8Array): boolean
}

const root = new protobuf.Root()
for (const file of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
  if (file.endsWith('.proto'))
    protobuf.parse(readFileSync(`${directory}/${file}`, 'utf8'), root, { keepCase: true })
}
root.resolveAll()

/** The reflection of a message, by its name without package. */
export function typeOf(message: string): protobuf.Type {
  return root.lookupType(message)
}

const codecs = new Map<string, Codec>()

/** The codec of a message, by its name without package. */
export function codecOf(message: string): Codec {
  const known = codecs.get(message)
  if (known !== undefined) return known
  const type = typeOf(message)
  const codec: Codec = {
    encode: (fields) => Buffer.from(type.encode(type.fromObject(fields)).finish()),
    decode: (bytes) => type.toObject(type.decode(bytes), { longs: String, bytes: String, defaults: false }),
    knowsAllFieldsOf: (bytes) => type.encode(type.decode(bytes)).finish().length === bytes.length,
  }
  codecs.set(message, codec)
  return codec
}
