import type {
  handleBidiStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  ServerDuplexStream,
  ServerWritableStream,
} from '@grpc/grpc-js'
import { toEtcdError } from '../services/failure.ts'
import { isPullStream, type PullStream } from '../services/pull-stream.ts'
import type { BidiStream, ServerStream, Unary } from '../services/services.ts'
import { GrpcCallContext } from './call-context.ts'
import { CallRequests } from './call-requests.ts'

/** What grpc-js makes a status of. */
function statusOf(error: unknown): { readonly code: number; readonly details: string } {
  const { status, details } = toEtcdError(error)
  return { code: status, details }
}

/** Binds a method of one request and one response. */
export function unaryHandler<Request, Response>(
  method: Unary<Request, Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const context = new GrpcCallContext(call)
    method(call.request, context).then(
      (response) => {
        context.answered()
        callback(null, response)
      },
      (error: unknown) => {
        context.answered()
        callback(statusOf(error))
      },
    )
  }
}

/** Binds a method of one request and many responses. */
export function serverStreamHandler<Request, Response>(
  method: ServerStream<Request, Response>,
): handleServerStreamingCall<Request, Response> {
  return (call) => {
    void send(call, method(call.request, new GrpcCallContext(call)))
  }
}

/** Binds a method of many requests and many responses. */
export function bidiStreamHandler<Request, Response>(
  method: BidiStream<Request, Response>,
): handleBidiStreamingCall<Request, Response> {
  return (call) => {
    void send(call, method(requestsOf(call), new GrpcCallContext(call)))
  }
}

/** Requests as they come. Not to read on leaves the call open: it has responses to send still. */
function requestsOf<Request, Response>(call: ServerDuplexStream<Request, Response>): AsyncIterable<Request> {
  return {
    [Symbol.asyncIterator]: () => new CallRequests<Request>(call),
  }
}

/** Sends what is there, and comes back when there is more, or when the client takes more. */
function pull<Response>(
  call: ServerWritableStream<unknown, Response> | ServerDuplexStream<unknown, Response>,
  responses: PullStream<Response>,
): void {
  const send = (): void => {
    try {
      for (;;) {
        if (call.cancelled) return
        const response = responses.take()
        if (response === undefined) {
          if (responses.done) call.end()
          else responses.whenReady(send)
          return
        }
        if (!call.write(response)) {
          void writable(call).then(send)
          return
        }
      }
    } catch (error) {
      if (!call.cancelled) call.emit('error', statusOf(error))
    }
  }
  call.once('close', () => {
    responses.close()
  })
  send()
}

/** Sends responses as fast as the client takes them, and no faster are they asked for. */
async function send<Request, Response>(
  call: ServerWritableStream<Request, Response> | ServerDuplexStream<Request, Response>,
  responses: AsyncIterable<Response>,
): Promise<void> {
  if (isPullStream(responses)) {
    pull(call, responses)
    return
  }
  try {
    for await (const response of responses) {
      if (call.cancelled) return
      if (!call.write(response)) await writable(call)
    }
    call.end()
  } catch (error) {
    if (!call.cancelled) call.emit('error', statusOf(error))
  }
}

/** Waits until the call takes more, or nothing any more. */
function writable(call: {
  once(event: string, listener: () => void): unknown
  off(event: string, listener: () => void): unknown
}): Promise<void> {
  return new Promise((resolve) => {
    const events = ['drain', 'cancelled', 'close', 'error']
    const settle = (): void => {
      for (const event of events) call.off(event, settle)
      resolve()
    }
    for (const event of events) call.once(event, settle)
  })
}
