import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  MethodDefinition,
  UntypedServiceImplementation,
} from '@grpc/grpc-js'

/** A method whose messages are bytes. */
export type BytesMethod = MethodDefinition<Buffer, Buffer>

/** Handlers for the four kinds of calls. */
export interface Handlers {
  readonly unary?: handleUnaryCall<Buffer, Buffer>
  readonly clientStream?: handleClientStreamingCall<Buffer, Buffer>
  readonly serverStream?: handleServerStreamingCall<Buffer, Buffer>
  readonly bidi?: handleBidiStreamingCall<Buffer, Buffer>
}

const same = (bytes: Buffer): Buffer => bytes

function method(name: string, requestStream: boolean, responseStream: boolean): BytesMethod {
  return {
    path: `/test.Equality/${name}`,
    requestStream,
    responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  }
}

/** A service with one method of each kind; messages are bytes as they are. */
export const equalityService = {
  unary: method('Unary', false, false),
  clientStream: method('ClientStream', true, false),
  serverStream: method('ServerStream', false, true),
  bidi: method('Bidi', true, true),
} as const

/** As `addService` wants it. */
export function toImplementation(handlers: Handlers): UntypedServiceImplementation {
  return { ...handlers }
}
