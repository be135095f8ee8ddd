import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import { status } from '@grpc/grpc-js'
import { GrpcServerError } from '../errors.ts'
import type { CallStatus } from './status.ts'

/** Which sides of a method send many messages. */
export type MethodKind = 'unary' | 'clientStream' | 'serverStream' | 'bidi'

/** A method that is served. */
export interface Method {
  readonly path: string
  readonly kind: MethodKind
  readonly deserialize: (bytes: Buffer) => unknown
  readonly serialize: (message: unknown) => unknown
  /** The handler of its kind, as grpc-js takes it. */
  readonly handler: (call: never, callback: never) => unknown
}

type MethodDefinition = ServiceDefinition[string]

/** The methods of a server by their paths. */
export class Methods {
  readonly #byPath = new Map<string, Method>()

  get(path: string): Method | undefined {
    return this.#byPath.get(path)
  }

  /** Paths of all methods. */
  paths(): IterableIterator<string> {
    return this.#byPath.keys()
  }

  /** @throws GrpcServerError `GRPC_SERVER_SERVICE_INVALID`, `GRPC_SERVER_METHOD_EXISTS`; then nothing was added */
  add(definition: ServiceDefinition, implementation: UntypedServiceImplementation): void {
    requireObject(definition)
    requireObject(implementation)
    const entries = Object.entries(definition)
    if (entries.length === 0) {
      throw new GrpcServerError('GRPC_SERVER_SERVICE_INVALID', 'a service without methods cannot be added')
    }
    for (const [, { path }] of entries) {
      if (!this.#byPath.has(path)) continue
      throw new GrpcServerError('GRPC_SERVER_METHOD_EXISTS', `there is a handler of ${path} already`)
    }
    for (const [name, method] of entries)
      this.#byPath.set(method.path, toMethod(name, method, implementation))
  }

  remove(definition: ServiceDefinition): void {
    requireObject(definition)
    for (const { path } of Object.values(definition)) this.#byPath.delete(path)
  }
}

function requireObject(value: unknown): void {
  if (typeof value === 'object' && value !== null) return
  throw new GrpcServerError('GRPC_SERVER_SERVICE_INVALID', 'a service is a definition and an implementation')
}

function toMethod(
  name: string,
  definition: MethodDefinition,
  implementation: UntypedServiceImplementation,
): Method {
  const { path, originalName, requestDeserialize, responseSerialize } = definition
  const kind = kindOf(definition)
  const handler =
    implementation[name] ?? (originalName === undefined ? undefined : implementation[originalName])
  return {
    path,
    kind,
    deserialize: requestDeserialize,
    serialize: responseSerialize,
    handler: handler === undefined ? unimplementedHandler(kind, name) : handler.bind(implementation),
  }
}

function kindOf({ requestStream, responseStream }: MethodDefinition): MethodKind {
  if (requestStream) return responseStream ? 'bidi' : 'clientStream'
  return responseStream ? 'serverStream' : 'unary'
}

/** What a call of a method gets that nobody implements. */
export function unimplemented(name: string): CallStatus {
  return { code: status.UNIMPLEMENTED, details: `The server does not implement the method ${name}` }
}

function unimplementedHandler(kind: MethodKind, name: string): Method['handler'] {
  const refusal = unimplemented(name)
  if (kind === 'unary' || kind === 'clientStream') {
    return (_call: never, callback: (error: unknown) => void) => callback(refusal)
  }
  return (call: { emit(event: 'error', error: unknown): unknown }) => call.emit('error', refusal)
}
