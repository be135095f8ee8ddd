import { GrpcServerError } from '../errors.ts'
import { fieldOf, writeMessage } from '../protobuf/message-fields.ts'
import { type FileDescriptor, readFileDescriptor, type TypeReference } from './file-descriptor.ts'

/** A file as it is served. */
export interface ServedFile {
  readonly name: string
  /** The serialized `google.protobuf.FileDescriptorProto`. */
  readonly bytes: Uint8Array
  readonly dependencies: readonly string[]
}

/** Finds files by what is in them. */
export class DescriptorIndex {
  /** Full names of all services, sorted. */
  readonly services: readonly string[]
  readonly #files = new Map<string, ServedFile>()
  readonly #messages = new Set<string>()
  /** Files by full name of what they declare. */
  readonly #symbols = new Map<string, string>()
  /** Files by extended message and field number. */
  readonly #extensions = new Map<string, Map<number, string>>()

  /** @throws GrpcServerError `GRPC_SERVER_SERVICE_INVALID` */
  constructor(fileDescriptors: readonly Uint8Array[]) {
    const files = distinctFiles(fileDescriptors)
    for (const { name, symbols, messages } of files) {
      for (const symbol of symbols) {
        // Two files may describe the same service, each in its own way. Clients get one of them.
        if (!this.#symbols.has(symbol)) this.#symbols.set(symbol, name)
      }
      for (const message of messages) this.#messages.add(message)
    }
    // References lead to other files, so that all symbols have to be known before.
    for (const file of files) {
      this.#files.set(file.name, this.#served(file))
      for (const { extendee, number } of file.extensions) this.#extend(extendee, number, file.name)
    }
    this.services = [...new Set(files.flatMap(({ services }) => services))].sort()
  }

  byName(name: string): ServedFile | undefined {
    return this.#files.get(name)
  }

  bySymbol(symbol: string): ServedFile | undefined {
    return this.#files.get(this.#symbols.get(symbol) ?? '')
  }

  byExtension(extendee: string, number: number): ServedFile | undefined {
    return this.#files.get(this.#extensions.get(extendee)?.get(number) ?? '')
  }

  /** Field numbers of all extensions of a message, ascending; `undefined` when there is no such message. */
  extensionNumbers(extendee: string): readonly number[] | undefined {
    const extensions = this.#extensions.get(extendee)
    if (extensions === undefined) return this.#messages.has(extendee) ? [] : undefined
    return [...extensions.keys()].sort((a, b) => a - b)
  }

  /**
   * A file, then what it imports and those import in turn: first the near ones. A file that was `sent` before
   * is left out, except for the first one, which was asked for. Adds to `sent`.
   */
  closure(file: ServedFile, sent: Set<string>): readonly ServedFile[] {
    const answer = [file]
    const seen = new Set([file.name])
    const queue = [file]
    for (const { dependencies } of queue) {
      for (const name of dependencies) {
        const dependency = this.#files.get(name)
        // What is not there cannot be sent. The client may know it: files of protobuf itself, for example.
        if (dependency === undefined || seen.has(name)) continue
        seen.add(name)
        queue.push(dependency)
        if (!sent.has(name)) answer.push(dependency)
      }
    }
    for (const { name } of answer) sent.add(name)
    return answer
  }

  /**
   * What `@grpc/proto-loader` makes of a package mentions types of others without importing their files, and
   * clients then do not find them. A file without imports gets those that it needs, at its end: a field that
   * occurs again in a message is one more element of it.
   */
  #served({ name, bytes, dependencies, references }: FileDescriptor): ServedFile {
    if (dependencies.length > 0) return { name, bytes, dependencies }
    const needed = new Set<string>()
    for (const reference of references) {
      const file = this.#symbols.get(this.#resolve(reference) ?? '')
      if (file !== undefined && file !== name) needed.add(file)
    }
    if (needed.size === 0) return { name, bytes, dependencies }
    const imports = writeMessage((writer) => {
      for (const file of needed) writer.uint32(fieldOf.bytes(3)).string(file)
    })
    return { name, bytes: Buffer.concat([bytes, imports]), dependencies: [...needed] }
  }

  #extend(extendee: TypeReference, number: number, file: string): void {
    // A message of a file that is not here is still extended; its name is then taken as it stands.
    const name = this.#resolve(extendee) ?? extendee.name.replace(/^\./, '')
    const numbers = this.#extensions.get(name) ?? new Map<number, string>()
    this.#extensions.set(name, numbers.set(number, file))
  }

  /** The full name of a type: the innermost scope that has it counts. */
  #resolve({ scope, name }: TypeReference): string | undefined {
    if (name.startsWith('.')) return this.#known(name.slice(1))
    for (let outer = scope; outer !== ''; outer = outer.slice(0, Math.max(0, outer.lastIndexOf('.')))) {
      const symbol = this.#known(`${outer}.${name}`)
      if (symbol !== undefined) return symbol
    }
    return this.#known(name)
  }

  #known(symbol: string): string | undefined {
    return this.#symbols.has(symbol) ? symbol : undefined
  }
}

/** The same file may come with several services; two files of one name cannot be told apart by clients. */
function distinctFiles(fileDescriptors: readonly Uint8Array[]): readonly FileDescriptor[] {
  const files = new Map<string, FileDescriptor>()
  for (const bytes of new Set(fileDescriptors)) {
    const file = readFileDescriptor(bytes)
    const known = files.get(file.name)
    if (known === undefined) files.set(file.name, file)
    else if (Buffer.compare(known.bytes, bytes) !== 0) {
      const message = `there are two different files ${file.name}: load them together`
      throw new GrpcServerError('GRPC_SERVER_SERVICE_INVALID', message)
    }
  }
  return [...files.values()]
}
