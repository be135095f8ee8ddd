import { type ServerDuplexStream, status, type UntypedServiceImplementation } from '@grpc/grpc-js'
import { DescriptorIndex, type ServedFile } from './descriptor-index.ts'
import {
  type ReflectionAnswer,
  type ReflectionDefinition,
  reflectionDefinition,
  reflectionPackages,
  type ReflectionQuery,
  type ReflectionRequest,
  type ReflectionResponse,
} from './reflection-messages.ts'

/** What a reflection service tells. */
export interface ReflectionServiceOptions {
  /** Serialized `google.protobuf.FileDescriptorProto` messages; see `fileDescriptorsOf`. */
  readonly fileDescriptors: readonly Uint8Array[]
  /** Full names of the services that a client gets as a list. @defaultValue all services of the files */
  readonly services?: readonly string[] | undefined
}

/** One version of the protocol, as a gRPC server takes it. */
export interface ReflectionServiceVersion {
  readonly definition: ReflectionDefinition
  readonly implementation: UntypedServiceImplementation
}

/** A description of services that clients without their protocol files can ask for. */
export interface ReflectionService {
  /** To be added to a server one by one: version 1, and version 1alpha, which many clients still speak. */
  readonly definitions: readonly ReflectionServiceVersion[]
}

/**
 * Server reflection (`grpc.reflection.v1` and `v1alpha`), as of the document `server-reflection.md` of gRPC.
 *
 * An answer with a file has the files with it that it imports, each once in a call. A file without imports
 * that mentions types of others, as `@grpc/proto-loader` makes them, is given its imports.
 *
 * @throws GrpcServerError `GRPC_SERVER_SERVICE_INVALID` for bytes that are no descriptor of a file, and for two
 * different files of one name
 */
export function createReflectionService(options: ReflectionServiceOptions): ReflectionService {
  const index = new DescriptorIndex(options.fileDescriptors)
  const services = options.services === undefined ? index.services : [...new Set(options.services)].sort()
  const implementation: UntypedServiceImplementation = {
    ServerReflectionInfo: (call: ReflectionCall) => {
      serve(call, new Respondent(index, services))
    },
  }
  const definitions = reflectionPackages.map((name) => ({
    definition: reflectionDefinition(name),
    implementation,
  }))
  return { definitions }
}

type ReflectionCall = ServerDuplexStream<ReflectionRequest, ReflectionResponse>

/** Answers one request after the other, and takes no more than the client takes answers. */
function serve(call: ReflectionCall, respondent: Respondent): void {
  const take = (request: ReflectionRequest): void => {
    if (request.query === undefined) {
      call.off('data', take)
      call.emit('error', { code: status.INVALID_ARGUMENT, details: 'the request asks nothing' })
      return
    }
    if (call.write({ request, answer: respondent.answer(request.query) })) return
    call.pause()
    call.once('drain', () => call.resume())
  }
  call.on('data', take)
  call.once('end', () => call.end())
}

/** Answers the requests of one call. */
class Respondent {
  readonly #index: DescriptorIndex
  readonly #services: readonly string[]
  /** Names of the files that the client has already. */
  readonly #sent = new Set<string>()

  constructor(index: DescriptorIndex, services: readonly string[]) {
    this.#index = index
    this.#services = services
  }

  answer(query: ReflectionQuery): ReflectionAnswer {
    switch (query.type) {
      case 'fileByFilename':
        return this.#files(this.#index.byName(query.filename), 'file')
      case 'fileContainingSymbol':
        return this.#files(this.#index.bySymbol(query.symbol), 'symbol')
      case 'fileContainingExtension':
        return this.#files(this.#index.byExtension(query.containingType, query.number), 'extension')
      case 'allExtensionNumbersOfType': {
        const { containingType: baseType } = query
        const numbers = this.#index.extensionNumbers(baseType)
        return numbers === undefined ? notFound('type') : { type: 'extensionNumbers', baseType, numbers }
      }
      case 'listServices':
        return { type: 'services', names: this.#services }
    }
  }

  #files(file: ServedFile | undefined, sought: string): ReflectionAnswer {
    if (file === undefined) return notFound(sought)
    const files = this.#index.closure(file, this.#sent)
    return { type: 'files', fileDescriptors: files.map(({ bytes }) => bytes) }
  }
}

/** The request is part of the response, so that the message need not repeat it. */
function notFound(sought: string): ReflectionAnswer {
  return { type: 'error', code: status.NOT_FOUND, message: `unknown ${sought}` }
}
