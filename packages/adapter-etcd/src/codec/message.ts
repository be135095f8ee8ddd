import type { MessageCodec, MessageWriter } from '../generated/messages.js'
import { WireReader } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'

/**
 * Reads a message. Byte fields of it are views of `bytes`.
 *
 * @throws Error when `bytes` are not such a message
 */
export function decodeMessage<Message>(codec: MessageCodec<Message>, bytes: Uint8Array): Message {
  return codec.decode(new WireReader(bytes))
}

/** Writes a message. */
export function encodeMessage<Message>(codec: MessageCodec<Message>, message: Message): Buffer {
  return bytesOf(codec.encode(message, new WireWriter()))
}

/** What was written, without a copy: nothing more can be written. */
export function bytesOf(writer: Pick<MessageWriter, 'finish'>): Buffer {
  const { buffer, byteOffset, length } = writer.finish(true)
  return Buffer.from(buffer, byteOffset, length)
}
