import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeFrame, frameHeaderBytes, FrameReader } from '../src/frame.ts'
import { decodeHello, decodeWelcome, encodeHello, encodeWelcome, purposes } from '../src/handshake.ts'
import { Refusal } from '../src/refusal.ts'

const frameArbitrary = fc.record({
  type: fc.integer({ min: 0, max: 255 }),
  body: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(new Uint8Array(20_000).fill(7))),
})

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = sizes[n % sizes.length] ?? 1
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}

test('frames are the same however the network cuts them', () => {
  const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 70_000 })), {
    minLength: 1,
  })
  fc.assert(
    fc.property(fc.array(frameArbitrary, { maxLength: 12 }), sizes, (frames, cuts) => {
      const bytes = Buffer.concat(frames.flatMap(({ type, body }) => encodeFrame(type, body)))
      const reader = new FrameReader(30_000)
      const seen: unknown[] = []
      for (const chunk of cut(bytes, cuts)) {
        // The network's buffers are its own.
        reader.read(Buffer.from(chunk), (type, body) => seen.push([type, body.toString('hex')]) > 0)
      }
      expect(seen).toEqual(frames.map(({ type, body }) => [type, Buffer.from(body).toString('hex')]))
    }),
  )
})

test('the id of a request goes in front of its body', () => {
  for (const length of [3, 30_000]) {
    const bytes = Buffer.concat(encodeFrame(7, new Uint8Array(length).fill(9), 0xfedcba98))
    const seen: Buffer[] = []
    new FrameReader(40_000).read(bytes, (_, body) => seen.push(body) > 0)
    expect(seen[0]?.readUInt32LE(0)).toBe(0xfedcba98)
    expect(seen[0]?.subarray(4)).toEqual(Buffer.alloc(length, 9))
  }
})

test('a frame of which any bit is wrong is refused, or is not complete', () => {
  const bytes = Buffer.concat(encodeFrame(6, Buffer.from('some messages')))
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = Buffer.from(bytes)
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    let frames = 0
    const read = (): void => new FrameReader(1_000).read(damaged, () => ++frames > 0)
    // A length that became larger waits for the rest.
    if (damaged.readUInt32LE(0) > 13 && damaged.readUInt32LE(0) <= 1_000) read()
    else expect(read, `bit ${bit}`).toThrow(Refusal)
    expect(frames).toBe(0)
  }
})

test('a frame that is too large is refused before its body comes', () => {
  const head = Buffer.concat(encodeFrame(6, Buffer.alloc(1_001))).subarray(0, frameHeaderBytes)
  const reader = new FrameReader(1_000)
  for (const byte of head.subarray(0, -1)) reader.read(Buffer.of(byte), () => true)
  expect(() => reader.read(head.subarray(-1), () => true)).toThrow('a frame of 1001 bytes')
})

test('a frame that is announced and does not come costs little memory', () => {
  const readers = Array.from({ length: 20 }, () => new FrameReader(2 ** 30))
  const head = Buffer.alloc(100)
  head.writeUInt32LE(2 ** 30 - 1)
  const before = process.memoryUsage().arrayBuffers
  for (const reader of readers) reader.read(Buffer.from(head), () => true)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(40 * 2 ** 20)
})

test('a reader that is told to stop gives no more frames', () => {
  const bytes = Buffer.concat([...encodeFrame(1), ...encodeFrame(2)])
  const seen: number[] = []
  new FrameReader(10).read(bytes, (type) => {
    seen.push(type)
    return false
  })
  expect(seen).toEqual([1])
})

const id = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const identity = fc.record({ clusterId: id, memberId: id, directoryId: id })

test('introductions are read as they were written', () => {
  const hello = fc.record({ identity, purpose: fc.constantFrom(...purposes), expected: id })
  fc.assert(
    fc.property(hello, (said) => {
      expect(decodeHello(encodeHello(said))).toEqual(said)
      expect(decodeWelcome(encodeWelcome(said.identity))).toEqual(said.identity)
    }),
  )
})

test('whatever else comes as an introduction is refused', () => {
  const said = {
    identity: { clusterId: 1n, memberId: 2n, directoryId: 3n },
    purpose: 'stream',
    expected: 4n,
  } as const
  const hello = encodeHello(said)
  for (let length = 0; length < hello.length; length++) {
    expect(() => decodeHello(hello.subarray(0, length))).toThrow(Refusal)
  }
  expect(() => decodeHello(Buffer.concat([hello, Buffer.of(0)]))).toThrow(Refusal)
  expect(() => decodeWelcome(hello)).toThrow(Refusal)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      expect(() => decodeHello(bytes)).toThrow(Refusal)
    }),
  )
})

test('another version of the protocol is named', () => {
  const hello = encodeHello({
    identity: { clusterId: 1n, memberId: 2n, directoryId: 3n },
    purpose: 'stream',
    expected: 4n,
  })
  hello[4] = 9
  expect(() => decodeHello(hello)).toThrow('version 9 of the protocol, 1 is understood here')
})
