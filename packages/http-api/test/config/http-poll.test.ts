import type { ConfigHub, PollListener } from '@orrery/config-hub'
import type { FastifyReply } from 'fastify'
import { describe, expect, test } from 'vitest'
import { PollJson } from '../../src/config/json/poll-json.ts'
import { HttpPoll } from '../../src/config/polls/http-poll.ts'
import { serverCloses } from '../../src/config/polls/pending-requests.ts'

const query = { targets: [{ namespace: 'default', group: 'shop' }] }

/** A poll with a reply and a hub that keep what they are told. */
function pollOf(): {
  readonly poll: HttpPoll
  readonly hub: ConfigHub
  readonly sent: unknown[]
  readonly counts: { started: number; cancelled: number }
} {
  const sent: unknown[] = []
  const counts = { started: 0, cancelled: 0 }
  const reply = { type: () => reply, send: (payload: unknown) => sent.push(payload) }
  const hub = {
    startPoll: (_query: unknown, listener: PollListener) => {
      expect(listener).toBe(poll)
      counts.started++
      return { cancel: () => counts.cancelled++ }
    },
  }
  const parts = { reply: reply as unknown as FastifyReply, pollJson: new PollJson(), afterRevision: 7 }
  const poll = new HttpPoll(parts)
  return { poll, hub: hub as unknown as ConfigHub, sent, counts }
}

describe('a poll over HTTP', () => {
  const unchanged = { type: 'unchanged', revision: 9 } as const

  test('sends one answer, whatever else becomes of it', () => {
    const { poll, hub, sent, counts } = pollOf()
    poll.begin(hub, query, 1_000)
    poll.answered(unchanged)
    poll.failed(new Error('late'))
    poll.end(serverCloses)
    poll.end(new Error('left'))
    expect(sent).toEqual([JSON.stringify(unchanged)])
    expect(counts).toEqual({ started: 1, cancelled: 0 })
  })

  test('does not begin once it has ended', () => {
    const { poll, hub, sent, counts } = pollOf()
    const left = new Error('left')
    poll.end(left)
    poll.begin(hub, query, 1_000)
    expect([sent, counts]).toEqual([[left], { started: 0, cancelled: 0 }])
  })

  test('leaves the hub when it ends, and says what its client knows when the server closes', () => {
    const [leaving, closing] = [pollOf(), pollOf()]
    const left = new Error('left')
    for (const { poll, hub } of [leaving, closing]) poll.begin(hub, query, undefined)
    leaving.poll.end(left)
    closing.poll.end(serverCloses)
    expect(leaving.sent).toEqual([left])
    expect(closing.sent).toEqual([JSON.stringify({ type: 'unchanged', revision: 7 })])
    for (const { counts } of [leaving, closing]) expect(counts.cancelled).toBe(1)
  })
})
