import { JsonFramer, JsonTooLargeError } from './json/json-framer.ts'
import type { MessageObject } from './json/message-from-json.ts'
import { messageFromJson } from './json/message-from-json.ts'
import { JsonSyntaxError, parseJson } from './json/parse-json.ts'

/** The bytes of a request, as they arrive. */
export type RequestBytes = AsyncIterable<Buffer>

/** One message and its limits. */
export interface RequestShape {
  /** Full name of the message. */
  readonly request: string
  /** Unit: bytes. */
  readonly bodyMaxBytes: number
}

/**
 * Reads a request that is one message. An empty body is an empty message.
 *
 * @throws JsonSyntaxError, JsonMessageError, JsonTooLargeError; what `bytes` throws when the client leaves
 */
export async function readMessage(bytes: RequestBytes, shape: RequestShape): Promise<MessageObject> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of bytes) {
    length += chunk.length
    if (length > shape.bodyMaxBytes) throw new JsonTooLargeError(length, shape.bodyMaxBytes)
    chunks.push(chunk)
  }
  const text = textOf(Buffer.concat(chunks))
  return text.trim() === '' ? {} : messageFromJson(shape.request, parseJson(text))
}

/**
 * Reads a request that is a stream of messages, one after the other, each as soon as it is complete. An
 * error ends the stream and goes to `onError`, because the method that reads it may be busy elsewhere.
 */
export async function* readMessages(
  bytes: RequestBytes,
  shape: RequestShape,
  onError: (error: Error) => void,
): AsyncGenerator<MessageObject> {
  const framer = new JsonFramer(shape.bodyMaxBytes)
  try {
    for await (const chunk of bytes) {
      for (const object of framer.push(chunk)) yield messageFromJson(shape.request, parseJson(textOf(object)))
    }
    if (!framer.idle) throw new JsonSyntaxError('unexpected EOF')
  } catch (error) {
    onError(error instanceof Error ? error : new Error(String(error)))
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function textOf(bytes: Buffer): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new JsonSyntaxError('invalid UTF-8', { cause })
  }
}
