import { GrpcServerError } from '../errors.ts'
import { fieldOf, type FieldReader, readFields } from '../protobuf/message-fields.ts'

/** A type as a descriptor writes it: `.package.Type`, or relative to the scope in which it is written. */
export interface TypeReference {
  readonly scope: string
  readonly name: string
}

/** An extension of a message of this or another file. */
export interface ExtensionDescriptor {
  readonly extendee: TypeReference
  /** Field number. */
  readonly number: number
}

/** What reflection needs to know of a `google.protobuf.FileDescriptorProto`. Names are full names. */
export interface FileDescriptor {
  /** Path by which other files import this one. */
  readonly name: string
  /** The serialized descriptor. */
  readonly bytes: Uint8Array
  /** Paths of the files that this one imports. */
  readonly dependencies: readonly string[]
  readonly services: readonly string[]
  /** What extensions can extend. */
  readonly messages: readonly string[]
  /** Everything with a name, services and messages among them. */
  readonly symbols: readonly string[]
  readonly extensions: readonly ExtensionDescriptor[]
  /** Every type that fields, extensions and methods mention. */
  readonly references: readonly TypeReference[]
}

/** Messages within messages; the C++ implementation reads no more either. */
const nestingMax = 100

/**
 * Reads the names in a serialized `google.protobuf.FileDescriptorProto`. Field numbers are those of
 * `google/protobuf/descriptor.proto`.
 *
 * @throws GrpcServerError `GRPC_SERVER_SERVICE_INVALID` when the bytes are no descriptor of a file
 */
export function readFileDescriptor(bytes: Uint8Array): FileDescriptor {
  try {
    return new NameCollector().collect(bytes)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new GrpcServerError('GRPC_SERVER_SERVICE_INVALID', `not a file descriptor: ${why}`, { cause })
  }
}

/** A descriptor within a file, and the scope of its name. */
type Collect = (bytes: Uint8Array, scope: string, depth: number) => void

class NameCollector {
  readonly #services: string[] = []
  readonly #messages: string[] = []
  readonly #symbols: string[] = []
  readonly #extensions: ExtensionDescriptor[] = []
  readonly #references: TypeReference[] = []

  collect(bytes: Uint8Array): FileDescriptor {
    let name = ''
    let scope = ''
    const dependencies: string[] = []
    const nested: [collect: Collect, bytes: Uint8Array][] = []
    readFields(bytes, (tag, reader) => {
      if (tag === fieldOf.bytes(1)) name = reader.stringVerify()
      else if (tag === fieldOf.bytes(2)) scope = reader.stringVerify()
      else if (tag === fieldOf.bytes(3)) dependencies.push(reader.stringVerify())
      else if (tag === fieldOf.bytes(4)) nested.push([this.#message, reader.bytes()])
      else if (tag === fieldOf.bytes(5)) nested.push([this.#enum, reader.bytes()])
      else if (tag === fieldOf.bytes(6)) nested.push([this.#service, reader.bytes()])
      else if (tag === fieldOf.bytes(7)) nested.push([this.#extension, reader.bytes()])
      else return false
      return true
    })
    if (name === '') throw new Error('it has no name')
    // Only now the package is known: fields come in any order.
    for (const [collect, descriptor] of nested) collect(descriptor, scope, 0)
    return {
      name,
      bytes,
      dependencies,
      services: this.#services,
      messages: this.#messages,
      symbols: this.#symbols,
      extensions: this.#extensions,
      references: this.#references,
    }
  }

  /** `DescriptorProto` */
  readonly #message: Collect = (bytes, scope, depth) => {
    if (depth > nestingMax) throw new Error('its messages are nested too deeply')
    const { name, rest } = this.#named(bytes, scope)
    this.#messages.push(name)
    const kinds: Readonly<Record<number, Collect>> = {
      [fieldOf.bytes(2)]: this.#field,
      [fieldOf.bytes(3)]: this.#message,
      [fieldOf.bytes(4)]: this.#enum,
      [fieldOf.bytes(6)]: this.#extension,
      [fieldOf.bytes(8)]: this.#member,
    }
    for (const [tag, nested] of rest) kinds[tag]?.(nested, name, depth + 1)
  }

  /** `EnumDescriptorProto`. Its values are its siblings, as in C++. */
  readonly #enum: Collect = (bytes, scope, depth) => {
    const { rest } = this.#named(bytes, scope)
    for (const [tag, nested] of rest) {
      if (tag === fieldOf.bytes(2)) this.#member(nested, scope, depth)
    }
  }

  /** `ServiceDescriptorProto` */
  readonly #service: Collect = (bytes, scope) => {
    const { name, rest } = this.#named(bytes, scope)
    this.#services.push(name)
    for (const [tag, nested] of rest) {
      if (tag === fieldOf.bytes(2)) this.#method(nested, name)
    }
  }

  /** `MethodDescriptorProto` */
  #method(bytes: Uint8Array, scope: string): void {
    const { rest } = this.#named(bytes, scope)
    for (const [tag, value] of rest) {
      if (tag === fieldOf.bytes(2) || tag === fieldOf.bytes(3)) this.#reference(value, scope)
    }
  }

  /** `FieldDescriptorProto` */
  readonly #field: Collect = (bytes, scope) => {
    const { rest } = this.#named(bytes, scope)
    for (const [tag, value] of rest) {
      if (tag === fieldOf.bytes(6)) this.#reference(value, scope)
    }
  }

  /** `FieldDescriptorProto`, of a field of another message. */
  readonly #extension: Collect = (bytes, scope, depth) => {
    this.#field(bytes, scope, depth)
    let number = 0
    let extendee: TypeReference | undefined
    readFields(bytes, (tag, reader) => {
      if (tag === fieldOf.bytes(2)) extendee = this.#reference(reader.bytes(), scope)
      else if (tag === fieldOf.varint(3)) number = reader.int32()
      else return false
      return true
    })
    if (extendee === undefined) throw new Error('an extension extends nothing')
    this.#extensions.push({ extendee, number })
  }

  /** Something with a name and nothing below: a value of an enum, a `oneof`. */
  readonly #member: Collect = (bytes, scope) => {
    this.#named(bytes, scope)
  }

  #reference(text: Uint8Array, scope: string): TypeReference {
    const reference = { scope, name: Buffer.from(text).toString() }
    this.#references.push(reference)
    return reference
  }

  /** Name is field 1 of every descriptor. The rest is what has a length. */
  #named(bytes: Uint8Array, scope: string): { name: string; rest: [tag: number, bytes: Uint8Array][] } {
    let name = ''
    const rest: [number, Uint8Array][] = []
    readFields(bytes, (tag: number, reader: FieldReader) => {
      if (tag === fieldOf.bytes(1)) name = reader.stringVerify()
      else if ((tag & 7) === 2) rest.push([tag, reader.bytes()])
      else return false
      return true
    })
    if (name === '') throw new Error('something in it has no name')
    const fullName = scope === '' ? name : `${scope}.${name}`
    this.#symbols.push(fullName)
    return { name: fullName, rest }
  }
}
