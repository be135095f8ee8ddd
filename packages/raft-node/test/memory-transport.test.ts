import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '@orrery/environment/system'
import { createManualClock } from '@orrery/environment/testing'
import { transportConformance } from '@orrery/raft-node/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { createMemoryNetwork, type MemoryNetwork } from '../src/memory-transport.ts'
import { bytes, Trial } from '../src/testing/transport-case.ts'

describe('in memory, in real time', () => {
  test.each(transportConformance)('$name', async ({ run }) => {
    const network = createMemoryNetwork({ clock: systemClock })
    let count = 0
    await run({ create: (address = `m${++count}`) => network.transport(address), pass: (ms) => sleep(ms) })
  })
})

/** A network whose time and turns a test decides. */
function stillNetwork(options?: Parameters<typeof createMemoryNetwork>[1]) {
  const clock = createManualClock()
  const network = createMemoryNetwork({ clock }, options)
  let count = 0
  const trial = new Trial({
    create: (address = `m${++count}`) => network.transport(address),
    pass: async (ms) => {
      clock.advance(ms)
      await nextTurn()
    },
  })
  return { clock, network, trial }
}

describe('in memory, in virtual time and the format of the wire', () => {
  test.each(transportConformance)('$name', async ({ run }) => {
    const clock = createManualClock()
    const network = createMemoryNetwork({ clock }, { usesWireFormat: true })
    let count = 0
    await run({
      create: (address = `m${++count}`) => network.transport(address),
      pass: async (ms) => {
        clock.advance(ms)
        await nextTurn()
      },
    })
    clock.runDeferred()
    expect(clock.pending).toBe(0)
  })
})

describe('a network in memory', () => {
  const opened: MemoryNetwork[] = []
  afterEach(() => Promise.all(opened.splice(0).map((network) => network.close())))

  function still(options?: Parameters<typeof createMemoryNetwork>[1]) {
    const parts = stillNetwork(options)
    opened.push(parts.network)
    return parts
  }

  test('hands over in one call what one member sent another in a turn, the same objects', async () => {
    const { clock, trial } = still()
    const [a, b] = await trial.pair()
    const batches: unknown[] = []
    b.onMessages = (messages) => batches.push(messages)
    const sent = Array.from({ length: 3 }, (_, round) => {
      return { type: 'heartbeat', from: 1n, to: 2n, term: 1, commitIndex: 0, round } as const
    })
    a.transport.send(sent.slice(0, 2))
    a.transport.send(sent.slice(2))
    clock.runDeferred()
    expect(batches).toEqual([sent])
    expect((batches as unknown[][])[0]?.[2]).toBe(sent[2])
  })

  test('drops and reports what is more than a queue holds', async () => {
    const { network, trial } = still({ queueMaxMessages: 10 })
    const [a, b] = await trial.pair()
    for (let n = 0; n < 25; n++) a.beat(2n, n)
    await trial.pass(1)
    expect(b.rounds).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(a.unreachable).toEqual([2n])
    expect(network.droppedMessages).toBe(15)
    a.beat(2n, 25)
    await trial.pass(1)
    expect(b.rounds.at(-1)).toBe(25)
  })

  test('refuses more requests at once than it was told to', async () => {
    const { trial } = still({ requestMaxConcurrent: 2 })
    const [a] = await trial.pair()
    const ask = (): Promise<Uint8Array> => a.transport.request(2n, bytes('?'))
    const two = [ask(), ask()]
    await expect(ask()).rejects.toMatchObject({ code: 'TRANSPORT_UNREACHABLE' })
    await trial.settled(Promise.all(two))
    await trial.settled(ask())
  })

  test('a one-way cut stops messages in one direction alone, and all that needs an answer', async () => {
    const { network, trial } = still()
    const [a, b] = await trial.pair()
    let asked = 0
    b.answer = () => {
      asked++
      return new Promise(() => {})
    }
    const waiting = a.transport.request(2n, bytes('?'))
    waiting.catch(() => {})
    await trial.eventually('it is asked', () => asked > 0)
    a.beat(2n, 1)
    network.cut(a.transport.address, b.transport.address, 'oneWay')
    await trial.rejects(waiting, 'TRANSPORT_UNREACHABLE')
    b.beat(1n, 2)
    a.beat(2n, 3)
    await trial.pass(1)
    expect([a.rounds, b.rounds]).toEqual([[2], []])
    // What was on the way, and what came later.
    expect(a.unreachable).toEqual([2n, 2n])
    expect(a.transport.connectedMs(2n)).toBeUndefined()
    expect(b.transport.connectedMs(1n)).toBeDefined()
    await trial.rejects(b.transport.request(1n, bytes('?')), 'TRANSPORT_UNREACHABLE')
  })

  test('an isolated member reaches nobody until the network heals', async () => {
    const { network, trial } = still()
    const members = [await trial.member(1n), await trial.member(2n), await trial.member(3n)] as const
    const [a, b, c] = members
    await trial.connect(...members)
    network.isolate(b.transport.address)
    for (const [from, to] of [
      [a, b],
      [b, a],
      [c, b],
      [b, c],
      [a, c],
    ] as const)
      from.beat(to.id, 1)
    await trial.pass(1)
    expect([a.rounds, b.rounds, c.rounds]).toEqual([[], [], [1]])
    network.heal()
    await trial.pass(1)
    for (const from of members) for (const to of members) if (from !== to) from.beat(to.id, 2)
    await trial.pass(1)
    expect([a.rounds, b.rounds, c.rounds]).toEqual([
      [2, 2],
      [2, 2],
      [1, 2, 2],
    ])
  })

  test('a cut breaks a snapshot on its way', async () => {
    const { network, trial } = still()
    const [a, b] = await trial.pair()
    let failure: unknown
    let taken = 0
    b.restore = async ({ content }) => {
      try {
        for await (const chunk of content) taken += chunk.length
      } catch (error) {
        failure = error
        throw error
      }
    }
    const content = (async function* () {
      for (;;) yield await Promise.resolve(new Uint8Array(10))
    })()
    const transfer = a.transport.sendSnapshot(2n, { header: bytes('h'), content })
    transfer.catch(() => {})
    await trial.eventually('it begins', () => taken > 0)
    network.cut(b.transport.address, a.transport.address, 'oneWay')
    await trial.rejects(transfer, 'TRANSPORT_UNREACHABLE')
    await trial.eventually('the receiver learns of it', () => failure !== undefined)
  })

  test('loses nothing of others when a handler throws', async () => {
    const { clock, trial } = still()
    const members = [await trial.member(1n), await trial.member(2n), await trial.member(3n)] as const
    const [a, b, c] = members
    await trial.connect(...members)
    b.onMessages = () => {
      throw new Error('a bug')
    }
    a.beat(2n, 1)
    a.beat(3n, 1)
    expect(() => clock.runDeferred()).toThrow('a bug')
    clock.runDeferred()
    expect(c.rounds).toEqual([1])
  })

  test('sends no messages in the name of others', async () => {
    const { trial } = still()
    const [a] = await trial.pair()
    const message = { type: 'timeoutNow', from: 2n, to: 1n, term: 1 } as const
    expect(() => a.transport.send([message])).toThrow('a message of member 2, sent by 1')
  })

  test('closes all its members, and leaves nothing behind', async () => {
    const { clock, network, trial } = still()
    const [a, b] = await trial.pair()
    a.beat(2n, 1)
    const waiting = a.transport.request(2n, bytes('?'))
    waiting.catch(() => {})
    await network.close()
    await network.close()
    await expect(waiting).rejects.toMatchObject({ code: 'TRANSPORT_CLOSED' })
    expect([clock.pending, b.rounds]).toEqual([0, []])
  })

  test.each([0, -1, 1.5, Number.NaN])('refuses a limit of %s', (queueMaxMessages) => {
    expect(() => stillNetwork({ queueMaxMessages })).toThrow('TRANSPORT_INVALID_OPTION')
  })
})
