import { createManualClock } from '@orrery/environment/testing'
import { describe, expect, test } from 'vitest'
import type { HeartbeatBatch, HeartbeatReply } from '../src/ports.ts'
import { createMemoryPeers, type MemoryPeersOptions } from '../src/testing/memory-peers.ts'
import { settle } from './forwarding-trial.ts'

const batch: HeartbeatBatch = {
  from: 'm',
  life: 'm.1',
  sequence: 1,
  ringRevision: 1,
  beats: ['x'],
  isLast: false,
}
const reply: HeartbeatReply = { ringRevision: 1, refused: [] }

function begin(options?: MemoryPeersOptions) {
  const clock = createManualClock()
  const network = createMemoryPeers(clock, options)
  const received: string[] = []
  network.attach('o', ({ sequence }) => {
    received.push(`${sequence} at ${clock.nowMs()}`)
    return reply
  })
  const peers = network.peers('m')
  const outcomes: string[] = []
  return {
    clock,
    network,
    peers,
    received,
    outcomes,
    send: (to = 'o', sequence = 1): AbortController => {
      const controller = new AbortController()
      peers.send(to, { ...batch, sequence }, { signal: controller.signal }).then(
        () => outcomes.push(`replied at ${clock.nowMs()}`),
        (error: unknown) => outcomes.push(String(error)),
      )
      return controller
    },
    pass: async (ms: number): Promise<void> => {
      for (let i = 0; i < ms; i += 10) {
        clock.advance(10)
        await settle()
      }
    },
  }
}

describe('peers in memory', () => {
  test('bring a batch, and its reply, in later turns', async () => {
    const { send, received, outcomes, pass } = begin()
    send()
    expect(received).toEqual([])
    await pass(10)
    expect(received).toEqual(['1 at 0'])
    await pass(10)
    expect(outcomes).toHaveLength(1)
  })

  test('take their time when they are told to', async () => {
    const { network, send, received, outcomes, pass } = begin()
    network.setDelay(30)
    send()
    await pass(60)
    expect(received).toEqual(['1 at 30'])
    expect(outcomes).toEqual(['replied at 60'])
  })

  test('lose what meets a cut, on its way too, and leave the caller waiting for his signal', async () => {
    const { network, send, received, outcomes, pass } = begin()
    network.setDelay(30)
    const first = send()
    await pass(20)
    network.cut('o', 'm')
    const second = send()
    await pass(100)
    network.heal()
    await pass(100)
    expect(received).toEqual([])
    expect(outcomes).toEqual([])
    first.abort(new Error('enough'))
    second.abort(new Error('enough'))
    await pass(10)
    expect(outcomes).toEqual(['Error: enough', 'Error: enough'])
  })

  test('can be cut one way: batches arrive, replies do not', async () => {
    const { network, send, received, outcomes, pass } = begin()
    network.cut('o', 'm', 'oneWay')
    send()
    await pass(50)
    expect(received).toHaveLength(1)
    expect(outcomes).toEqual([])
  })

  test('deliver what was given up meanwhile', async () => {
    const { network, send, received, outcomes, pass } = begin()
    network.setDelay(30)
    send().abort(new Error('enough'))
    await pass(60)
    expect(received).toHaveLength(1)
    expect(outcomes).toEqual(['Error: enough'])
  })

  test('fail at once where nobody is, and with what the receiver throws', async () => {
    const { network, send, outcomes, pass } = begin()
    network.attach('o', undefined)
    network.attach('p', () => {
      throw new Error('not now')
    })
    send('o')
    send('p')
    await pass(30)
    expect(outcomes).toEqual([expect.stringContaining('REGISTRY_UNAVAILABLE'), 'Error: not now'])
  })

  test('lose and double what their fate says', async () => {
    const { send, received, outcomes, pass } = begin({
      fate: ({ from, to, type }) => (type === 'reply' ? [10] : from === 'm' && to === 'o' ? [20, 50] : []),
    })
    send('o', 1)
    await pass(100)
    expect(received).toEqual(['1 at 20', '1 at 50'])
    expect(outcomes).toEqual(['replied at 30'])
  })

  test('send nothing more when they are closed, nor with a signal that has fired', async () => {
    const { peers, send, outcomes, received, pass } = begin()
    const aborted = { signal: AbortSignal.abort(new Error('too late')) }
    await expect(peers.send('o', batch, aborted)).rejects.toThrow('too late')
    await peers.close()
    await peers.close()
    send()
    await pass(20)
    expect(outcomes).toEqual([expect.stringContaining('REGISTRY_CLOSED')])
    expect(received).toEqual([])
  })
})
