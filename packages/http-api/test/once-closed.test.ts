import { once } from 'node:events'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { onceClosed } from '../src/once-closed.ts'

/** Which responses have called back. */
function calls(): { readonly called: ServerResponse[]; readonly callback: (this: ServerResponse) => void } {
  const called: ServerResponse[] = []
  return {
    called,
    callback(): void {
      called.push(this)
    },
  }
}

describe('a response', () => {
  test('calls back when it has closed, by itself', () => {
    const { called, callback } = calls()
    const socket = new Socket()
    const response = new ServerResponse(new IncomingMessage(socket))
    response.assignSocket(socket)
    onceClosed(response, callback)
    expect(called).toEqual([])
    response.emit('close')
    expect(called).toEqual([response])
  })

  test('calls back at once where it has closed', () => {
    const { called, callback } = calls()
    const response = new ServerResponse(new IncomingMessage(new Socket()))
    response.destroy()
    onceClosed(response, callback)
    expect(called).toEqual([response])
  })

  test('that is queued calls back once: with its connection, or by itself', async () => {
    const { called, callback } = calls()
    const socket = new Socket()
    const queued = Array.from({ length: 30 }, () => new ServerResponse(new IncomingMessage(socket)))
    for (const response of queued) onceClosed(response, callback)
    const [first, ...others] = queued
    first?.emit('close')
    expect(called).toEqual([first])
    const closed = once(socket, 'close')
    socket.destroy()
    await closed
    expect(called).toEqual([first, ...others])
    for (const response of others) response.emit('close')
    expect(called).toHaveLength(queued.length)
    // Whose connection has closed before is no different.
    const late = new ServerResponse(new IncomingMessage(socket))
    onceClosed(late, callback)
    expect(called.at(-1)).toBe(late)
  })
})
