import { once } from 'node:events'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { PendingRequests, serverCloses } from '../../src/config/polls/pending-requests.ts'
import { ClientLeft } from '../../src/scope.ts'

/** A response whose turn it is, unless it is queued behind others. */
function responseOf({ socket = new Socket(), isQueued = false } = {}): ServerResponse {
  const response = new ServerResponse(new IncomingMessage(socket))
  if (!isQueued) response.assignSocket(socket)
  return response
}

/** A request that keeps why it was ended. */
function requestOf(): { items: number; readonly reasons: unknown[]; end(reason: unknown): void } {
  const reasons: unknown[] = []
  return { items: 0, reasons, end: (reason) => reasons.push(reason) }
}

function pendingOf(requestsMax = 100, itemsMax = 100): PendingRequests {
  return new PendingRequests({ requestsMax, itemsMax })
}

const overloaded = expect.objectContaining({ code: 'HTTP_API_OVERLOADED' }) as Error

describe('a request that is pending', () => {
  test.each([false, true])('is told that its client has left, queued behind others: %s', async (isQueued) => {
    const pending = pendingOf()
    const socket = new Socket()
    const [response, request] = [responseOf({ socket, isQueued }), requestOf()]
    pending.enter(response, 3, request)
    expect([pending.size, request.items]).toEqual([1, 3])
    const closed = once(socket, 'close')
    if (!isQueued) response.destroy()
    socket.destroy()
    await closed
    if (!isQueued) response.emit('close')
    expect(pending.size).toBe(0)
    expect(request.reasons).toEqual([expect.any(ClientLeft)])
    response.emit('close')
    expect(request.reasons).toHaveLength(1)
  })

  test('is told so at once where it had left before', () => {
    const pending = pendingOf()
    const [response, request] = [responseOf(), requestOf()]
    response.destroy()
    pending.enter(response, 1, request)
    expect(request.reasons).toEqual([expect.any(ClientLeft)])
    expect(pending.size).toBe(0)
  })

  test('is told nothing when its answer has left, and counts until then', () => {
    const pending = pendingOf(1)
    const [response, request] = [responseOf(), requestOf()]
    pending.enter(response, 1, request)
    Object.defineProperty(response, 'writableFinished', { value: true })
    expect(() => pending.enter(responseOf(), 1, requestOf())).toThrow(overloaded)
    response.emit('close')
    expect([pending.size, request.reasons]).toEqual([0, []])
    pending.enter(responseOf(), 1)
  })

  test('counts with what it asks for, each of them until it has gone', () => {
    const pending = pendingOf(10, 5)
    const responses = [2, 3].map((items) => {
      const response = responseOf()
      pending.enter(response, items)
      return response
    })
    expect(() => pending.enter(responseOf(), 1)).toThrow(overloaded)
    responses[0]?.emit('close')
    expect(() => pending.enter(responseOf(), 3)).toThrow(overloaded)
    pending.enter(responseOf(), 2)
    expect(pending.size).toBe(2)
  })

  test('may wait a second time, and counts once', () => {
    const pending = pendingOf(10, 5)
    const [response, first, second] = [responseOf(), requestOf(), requestOf()]
    pending.enter(response, 3, first)
    pending.enter(response, 2, second)
    expect(pending.size).toBe(1)
    pending.enter(responseOf(), 3)
    response.emit('close')
    expect([first.reasons, second.reasons]).toEqual([[], [expect.any(ClientLeft)]])
    pending.enter(responseOf(), 2)
    expect(() => pending.enter(responseOf(), 1)).toThrow(overloaded)
  })

  test('is ended when the server closes, and none is taken any more', () => {
    const pending = pendingOf()
    const requests = [requestOf(), requestOf()]
    for (const request of requests) pending.enter(responseOf(), 1, request)
    pending.enter(responseOf(), 1)
    pending.close()
    expect(requests.map(({ reasons }) => reasons)).toEqual([[serverCloses], [serverCloses]])
    expect(() => pending.enter(responseOf(), 1)).toThrow(serverCloses)
  })

  test('has no function of its own', () => {
    const pending = pendingOf()
    const responses = [responseOf(), responseOf()]
    for (const response of responses) pending.enter(response, 1, requestOf())
    const listeners = new Set(responses.flatMap((response) => response.listeners('close')))
    expect(listeners.size).toBe(1)
  })
})
