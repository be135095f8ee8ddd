import { errorName, flag, frameType } from './raw-frames.ts'
import type { Field } from './raw-headers.ts'
import type { ReceivedFrame } from './raw-received.ts'

/** What a server sent on one stream. */
export class StreamAnswer {
  /** Header sections: the first is the response's, the last of several its trailers. */
  readonly sections: (readonly Field[])[] = []
  readonly #content: Buffer[] = []
  /** Content of DATA so far. Unit: bytes. */
  dataBytes = 0
  /** What the server let the client send on this stream, beyond the initial window. Unit: bytes. */
  windowBytes = 0
  /** What `upload` has sent on it. Unit: bytes. */
  uploadedBytes = 0
  /** The server has said that nothing follows. */
  isEnded = false
  /** The error that the server reset the stream with. */
  reset: string | undefined

  /** Whether nothing more is to come. */
  get isSettled(): boolean {
    return this.isEnded || this.reset !== undefined
  }

  /** All content of DATA, with the prefixes of messages. */
  get content(): Buffer {
    return Buffer.concat(this.#content)
  }

  /** `:status`, if there was a response. */
  get httpStatus(): string | undefined {
    return this.#value(':status')
  }

  /** `grpc-status`, if there was one. */
  get grpcStatus(): string | undefined {
    return this.#value('grpc-status')
  }

  /** Adds a frame. */
  take({ type, flags, payload, fields }: ReceivedFrame): void {
    if (type === frameType.headers) this.sections.push(fields)
    if (type === frameType.windowUpdate) this.windowBytes += payload.readUInt32BE(0)
    if (type === frameType.rstStream) this.reset ??= errorName(payload.readUInt32BE(0))
    if (type === frameType.data) {
      this.#content.push(payload)
      this.dataBytes += payload.length
    }
    const mayEnd = type === frameType.headers || type === frameType.data
    if (mayEnd && (flags & flag.endStream) !== 0) this.isEnded = true
  }

  #value(name: string): string | undefined {
    for (const section of this.sections) {
      const found = section.find(([candidate]) => candidate === name)
      if (found !== undefined) return found[1]
    }
    return undefined
  }
}
