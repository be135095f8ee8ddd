import type { EtcdServices } from '../services/services.ts'
import type { Failure } from './failure.ts'
import { streamErrorBody, unaryErrorBody } from './failure.ts'
import type { StreamMethod, UnaryMethod } from './gateway-methods.ts'
import type { MessageObject } from './json/message-from-json.ts'
import { messageToJson } from './json/message-to-json.ts'
import type { OpenCall } from './open-calls.ts'

/** Where the lines of a call's answer go. */
export interface LineSink {
  /** Sends a line at once. Resolves when the client can take more, or when the signal aborts. */
  write(line: string, signal: AbortSignal): Promise<void>
  /** Sends the last line of a call that failed, and ends. */
  fail(line: string, failure: Failure): void
  /** Ends a call that succeeded. */
  end(): void
}

/** One call whose answer is a sequence of lines. */
export interface LineCall {
  readonly method: StreamMethod | UnaryMethod
  readonly services: EtcdServices
  readonly requests: AsyncIterable<MessageObject>
  readonly call: OpenCall
  readonly sink: LineSink
  /** Translates what the method throws. */
  readonly failureOf: (error: unknown) => Failure
}

/** Runs a call to its end. Never rejects: what fails goes to the sink. */
export async function runLineCall(run: LineCall): Promise<void> {
  const { call, sink, method } = run
  let error: unknown
  try {
    for await (const line of linesOf(run)) await sink.write(line, call.context.signal)
  } catch (thrown) {
    error = thrown
  }
  error = call.abortedBy ?? error
  if (error === undefined) sink.end()
  else {
    const failure = run.failureOf(error)
    sink.fail(method.type === 'unary' ? unaryErrorBody(failure) : streamErrorBody(failure), failure)
  }
  call.close()
}

async function* linesOf({ method, services, requests, call }: LineCall): AsyncGenerator<string> {
  if (method.type === 'stream') {
    for await (const response of method.call(services, requests, call.context)) {
      yield `{"result":${messageToJson(method.response, response)}}`
    }
    return
  }
  for await (const request of requests) {
    yield messageToJson(method.response, await method.call(services, request, call.context))
    return
  }
}
