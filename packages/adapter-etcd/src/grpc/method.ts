import type { MethodDefinition } from '@grpc/grpc-js'
import { decodeMessage, encodeMessage } from '../codec/message.ts'
import type { MessageCodec } from '../generated/messages.js'

/** Which sides of a method send many messages. */
interface Streams {
  readonly requestStream: boolean
  readonly responseStream: boolean
}

/** Messages of a method, and how a response is written when not by its codec. */
interface Messages<Request, Response> {
  readonly request: MessageCodec<Request>
  readonly response: MessageCodec<Response>
  readonly encodeResponse?: (response: Response) => Buffer
}

/** Describes a method to grpc-js, for servers and for clients. */
function method<Request, Response>(
  path: string,
  { request, response, encodeResponse }: Messages<Request, Response>,
  streams: Streams,
): MethodDefinition<Request, Response> {
  return {
    path,
    ...streams,
    requestSerialize: (message) => encodeMessage(request, message),
    requestDeserialize: (bytes) => parse(request, bytes),
    responseSerialize: encodeResponse ?? ((message) => encodeMessage(response, message)),
    responseDeserialize: (bytes) => parse(response, bytes),
  }
}

/** The words of a Go server for bytes that are no message. */
function parse<Message>(codec: MessageCodec<Message>, bytes: Buffer): Message {
  try {
    return decodeMessage(codec, bytes)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(
      `grpc: error unmarshalling request: proto: cannot parse invalid wire-format data: ${why}`,
      {
        cause,
      },
    )
  }
}

/** One request, one response. */
export function unary<Request, Response>(
  path: string,
  messages: Messages<Request, Response>,
): MethodDefinition<Request, Response> {
  return method(path, messages, { requestStream: false, responseStream: false })
}

/** One request, many responses. */
export function serverStream<Request, Response>(
  path: string,
  messages: Messages<Request, Response>,
): MethodDefinition<Request, Response> {
  return method(path, messages, { requestStream: false, responseStream: true })
}

/** Many requests, many responses. */
export function bidiStream<Request, Response>(
  path: string,
  messages: Messages<Request, Response>,
): MethodDefinition<Request, Response> {
  return method(path, messages, { requestStream: true, responseStream: true })
}
