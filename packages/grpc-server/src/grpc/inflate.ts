import { status } from '@grpc/grpc-js'
import { createGunzip, createInflate } from 'node:zlib'
import type { CallStatus } from './status.ts'

/** What a compressed message turned out to be. */
export type Inflated =
  | { readonly ok: true; readonly message: Buffer }
  | { readonly ok: false; readonly status: CallStatus; readonly isTooLarge: boolean }

/**
 * Decompresses a message, and stops as soon as it becomes longer than it may be.
 *
 * @param encoding the value of `grpc-encoding`
 * @param maxBytes -1: any
 */
export function inflate(message: Buffer, encoding: string, maxBytes: number): Promise<Inflated> {
  if (encoding === 'identity') return Promise.resolve({ ok: true, message })
  if (encoding !== 'gzip' && encoding !== 'deflate') {
    const details = `Received message compressed with unsupported encoding "${encoding}"`
    return Promise.resolve(refusal(status.UNIMPLEMENTED, details))
  }
  return new Promise((resolve) => {
    const stream = encoding === 'gzip' ? createGunzip() : createInflate()
    const parts: Buffer[] = []
    let bytes = 0
    stream.on('data', (part: Buffer) => {
      parts.push(part)
      bytes += part.length
      if (maxBytes < 0 || bytes <= maxBytes) return
      stream.destroy()
      const details = `Received message that decompresses to a size larger than ${maxBytes}`
      resolve(refusal(status.RESOURCE_EXHAUSTED, details))
    })
    stream.on('error', () => {
      resolve(refusal(status.INTERNAL, 'Failed to decompress message'))
    })
    stream.on('end', () => {
      resolve({ ok: true, message: Buffer.concat(parts) })
    })
    stream.end(message)
  })
}

function refusal(code: status, details: string): Inflated {
  return { ok: false, status: { code, details }, isTooLarge: code === status.RESOURCE_EXHAUSTED }
}
