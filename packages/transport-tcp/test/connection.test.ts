import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { systemClock } from '@orrery/environment/system'
import { expect, test } from 'vitest'
import { Connection } from '../src/connection.ts'
import { encodeFrame, frameType } from '../src/frame.ts'

/** A socket whose other end does not read. */
class DeafSocket extends Duplex {
  setNoDelay(): this {
    return this
  }

  override _read(): void {}

  override _write(): void {}
}

test('who asks whether somebody is there, and does not listen, costs little memory', async () => {
  const socket = new DeafSocket()
  const connection = new Connection({
    socket: socket as unknown as Socket,
    clock: systemClock,
    role: 'acceptor',
    user: { onFrame: () => {}, onEnd: () => {} },
  })
  const pings = Buffer.concat(Array.from({ length: 10_000 }, () => encodeFrame(frameType.ping)).flat())
  for (let n = 0; n < 10; n++) {
    socket.push(pings)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(connection.bufferedBytes).toBeGreaterThan(60_000)
  expect(connection.bufferedBytes).toBeLessThan(70_000)
  socket.destroy()
  await connection.closed
})
