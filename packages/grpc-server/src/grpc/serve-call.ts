import type { ServerInterceptingCallInterface, ServerInterceptor } from '@grpc/grpc-js'
import type { ConnectionHost } from '../http2/connection-host.ts'
import type { RequestHead } from '../http2/request-head.ts'
import type { Http2Stream } from '../http2/stream.ts'
import { CallSurface } from './call-surface.ts'
import { type Method, type Methods, unimplemented } from './methods.ts'
import { trailersOf, trailersOnlyHead, unsupportedMediaType } from './status.ts'
import { ServerStreamListener, StreamListener } from './stream-call.ts'
import { UnaryListener } from './unary-call.ts'
import { WireCall } from './wire-call.ts'

/** What calls are served with. */
export interface CallParts {
  readonly methods: Methods
  readonly interceptors: readonly ServerInterceptor[]
}

/** Serves a request as a gRPC call. */
export function serveCall(
  stream: Http2Stream,
  head: RequestHead,
  { methods, interceptors }: CallParts,
  host: ConnectionHost,
): void {
  if (!head.contentType.startsWith('application/grpc')) {
    stream.end(unsupportedMediaType, true)
    return
  }
  const method = methods.get(head.path)
  if (method === undefined) {
    stream.end([...trailersOnlyHead, ...trailersOf(unimplemented(head.path))], false)
    return
  }
  const wire = new WireCall(stream, head, method, host)
  stream.receiver = wire
  if (head.timeout !== undefined && !wire.startDeadline()) return
  const call = interceptors.length === 0 ? wire : intercept(wire, method, interceptors)
  listen(new CallSurface(wire, call), method)
}

function listen(surface: CallSurface, { kind }: Method): void {
  if (kind === 'unary') new UnaryListener(surface).start()
  else if (kind === 'serverStream') new ServerStreamListener(surface).start()
  else new StreamListener(surface).start()
}

function intercept(
  wire: WireCall,
  method: Method,
  interceptors: readonly ServerInterceptor[],
): ServerInterceptingCallInterface {
  const definition = {
    path: method.path,
    requestStream: method.kind === 'clientStream' || method.kind === 'bidi',
    responseStream: method.kind === 'serverStream' || method.kind === 'bidi',
    requestDeserialize: method.deserialize,
    responseSerialize: method.serialize as (message: unknown) => Buffer,
  }
  let call: ServerInterceptingCallInterface = wire
  for (const interceptor of interceptors) call = interceptor(definition, call)
  return call
}
