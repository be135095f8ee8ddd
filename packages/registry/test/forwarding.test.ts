import { createManualEnvironment } from '@orrery/environment/testing'
import { describe, expect, test } from 'vitest'
import { createForwarder } from '../src/health/forwarding.ts'
import type { ForwarderOptions } from '../src/health/forwarding-options.ts'
import { createRing, type Ring } from '../src/health/ring.ts'
import type { HeartbeatBatch, HeartbeatReply } from '../src/ports.ts'
import { createMemoryPeers } from '../src/testing/memory-peers.ts'
import { settle } from './forwarding-trial.ts'

/** A ring by what stands for its members; `o@2` is `o` at another address. */
function ringOf(revision: number, ...members: readonly string[]): Ring {
  return createRing(
    members.map((member) => ({ name: member.split('@')[0] ?? '', address: member, createRevision: 1 })),
    revision,
  )
}

/** Names of instances that a member judges in a ring. */
function pathsOf(owner: string, ring: Ring, count: number): string[] {
  const paths: string[] = []
  for (let n = 0; paths.length < count; n++) if (ring.owner(`i${n}`)?.name === owner) paths.push(`i${n}`)
  return paths
}

const ring5 = ringOf(5, 'm', 'o', 'p')
const [a = '', b = '', c = '', d = ''] = pathsOf('o', ring5, 4)

function begin(options: ForwarderOptions = {}) {
  const environment = createManualEnvironment()
  const { clock } = environment
  const network = createMemoryPeers(clock)
  const log: string[] = []
  const batches: HeartbeatBatch[] = []
  const rerouted: string[] = []
  const reply = {
    ringRevision: 5,
    refuse: (path: string): boolean => path === '',
    instead: undefined as unknown,
  }
  const attach = (address: string): void =>
    network.attach(address, (batch) => {
      const name = address.split('@')[0] ?? ''
      if (name === 'o') batches.push(batch)
      log.push(`${clock.nowMs()} ${address} ${batch.beats.join(' ')}${batch.isLast ? '.' : ''}`)
      const refused = batch.beats.flatMap((path, position) => (reply.refuse(path) ? [position] : []))
      return (reply.instead ?? { ringRevision: reply.ringRevision, refused }) as HeartbeatReply
    })
  /** Brings what is on its way without delay, there and back, and what that leads to. */
  const deliver = async (): Promise<void> => {
    for (let i = 0; i < 8; i++) {
      await settle()
      clock.runDeferred()
    }
    await settle()
  }
  attach('o')
  attach('p')
  const peers = network.peers('m')
  const forwarder = createForwarder(
    { environment, self: 'm', peers, reroute: (paths) => rerouted.push(...paths) },
    options,
  )
  return {
    environment,
    network,
    attach,
    peers,
    forwarder,
    reply,
    batches,
    rerouted,
    /** What came to whom, and when, since this was read last. */
    told: (address = ''): string[] =>
      log.splice(0).filter((line) => line.split(' ')[1]?.startsWith(address) === true),
    vouches: (owner = 'o') => forwarder.vouches(owner, clock.nowMs()),
    add: (...paths: readonly string[]): void => {
      for (const path of paths) forwarder.add('o', path)
    },
    pass: async (ms: number): Promise<void> => {
      await deliver()
      for (let left = ms; left > 0; left -= 10) {
        clock.advance(Math.min(10, left))
        await deliver()
      }
    },
    start: async (): Promise<void> => {
      forwarder.setRing(ring5)
      forwarder.start()
      await deliver()
    },
  }
}

describe('a forwarder', () => {
  test('vouches for nothing until a member has acknowledged a batch', async () => {
    const { forwarder, vouches, start } = begin()
    forwarder.setRing(ring5)
    expect(vouches()).toBe(false)
    await start()
    expect(vouches()).toBe(true)
    expect(forwarder.reachable('o')).toBe(true)
    expect(vouches('m')).toBe(false)
    expect(vouches('stranger')).toBe(false)
  })

  test('sends beats when they have gathered for a moment, and else only that it is there', async () => {
    const { told, add, start, pass } = begin()
    await start()
    await pass(500)
    expect(told('o')).toEqual(['0 o ', '200 o ', '400 o '])
    add(a, b, a)
    await pass(250)
    expect(told('o')).toEqual([`600 o ${a} ${b}`])
  })

  test('counts its batches from 1, and tells its ring', async () => {
    const { batches, start, pass } = begin()
    await start()
    await pass(400)
    expect(batches.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
    expect(new Set(batches.map(({ from, ringRevision }) => `${from} ${ringRevision}`))).toEqual(
      new Set(['m 5']),
    )
    expect(new Set(batches.map(({ life }) => life)).size).toBe(1)
  })

  test('vouches for 2 s from when it sent what was acknowledged last', async () => {
    const { network, environment, vouches, start, pass } = begin()
    network.setDelay(300)
    const starting = start()
    await pass(590)
    await starting
    expect(vouches()).toBe(false)
    await pass(10)
    expect(vouches()).toBe(true)
    network.cut('m', 'o')
    await pass(1_390)
    expect(environment.clock.nowMs()).toBe(1_990)
    expect(vouches()).toBe(true)
    await pass(10)
    expect(vouches()).toBe(false)
  })

  test('vouches again soon after a cut', async () => {
    const { network, forwarder, vouches, start, pass } = begin()
    await start()
    network.cut('m', 'o')
    await pass(30_000)
    expect(vouches()).toBe(false)
    expect(vouches('p')).toBe(true)
    expect(forwarder.reachable('o')).toBe(false)
    network.heal()
    await pass(1_200)
    expect(vouches()).toBe(true)
  })

  test('has one batch on its way, and sends its beats again first when it is not acknowledged', async () => {
    const { network, told, add, start, pass } = begin()
    await start()
    add(a)
    network.cut('m', 'o')
    await pass(100)
    add(b)
    network.heal()
    await pass(900)
    expect(told('o')).toEqual(['0 o '])
    await pass(300)
    expect(told('o')[0]).toBe(`1200 o ${a} ${b}`)
  })

  test('says once that a member is not reached, and once that it is again', async () => {
    const { environment, network, start, pass } = begin()
    await start()
    network.attach('o', undefined)
    await pass(2_000)
    expect(environment.logger.lines.map(({ level }) => level)).toEqual(['warn'])
    network.attach('o', () => ({ ringRevision: 5, refused: [] }))
    await pass(300)
    expect(environment.logger.lines.map(({ level }) => level)).toEqual(['warn', 'info'])
  })

  test('delivers although replies do not come, but does not vouch', async () => {
    const { network, told, add, vouches, start, pass } = begin()
    await start()
    network.cut('o', 'm', 'oneWay')
    add(a)
    await pass(1_150)
    expect(told('o').slice(1)).toEqual([`100 o ${a}`])
    await pass(1_000)
    expect(vouches()).toBe(false)
  })

  test('vouches for nothing that a member judges who knows of more members', async () => {
    const { forwarder, reply, vouches, start, pass } = begin()
    await start()
    reply.ringRevision = 6
    await pass(200)
    expect(vouches()).toBe(false)
    expect(forwarder.reachable('o')).toBe(true)
    forwarder.setRing(ringOf(6, 'm', 'o', 'p', 'q'))
    expect(vouches()).toBe(true)
  })

  test('does not take for a reply what is none', async () => {
    const { reply, vouches, start, pass } = begin()
    reply.instead = { ringRevision: 5, refused: [7] }
    await start()
    await pass(1_000)
    expect(vouches()).toBe(false)
    reply.instead = undefined
    await pass(300)
    expect(vouches()).toBe(true)
  })

  test('sends again what was refused, until it is too old', async () => {
    const { forwarder, reply, told, add, start, pass } = begin()
    await start()
    reply.refuse = (path) => path === a
    add(a, b)
    await pass(100)
    expect(told('o')).toEqual(['0 o ', `100 o ${a} ${b}`])
    await pass(700)
    expect(told('o')).toEqual(['300 o ', `400 o ${a}`, '600 o ', `700 o ${a}`])
    await pass(5_000)
    told()
    expect(forwarder.stats()).toMatchObject({ pending: 0, dropped: 1, delivered: 1 })
    await pass(1_000)
    expect(told('o').filter((line) => line.includes(a))).toEqual([])
  })

  test('takes no heartbeats for a member for whom too many wait', async () => {
    const { network, forwarder, add, vouches, start, pass } = begin({ pendingMaxBeats: 3 })
    await start()
    add(a, b)
    expect(vouches()).toBe(true)
    add(c)
    expect(vouches()).toBe(false)
    add(d)
    expect(forwarder.stats()).toMatchObject({ pending: 3, dropped: 1 })
    await pass(110)
    expect(vouches()).toBe(true)
    network.cut('m', 'o')
  })

  test('sends one batch after the other when there are more beats than fit', async () => {
    const { told, add, start, pass } = begin({ batchMaxBeats: 2 })
    await start()
    add(a, b, c, d)
    await pass(110)
    expect(told('o').slice(1)).toEqual([`100 o ${a} ${b}`, `100 o ${c} ${d}`, '100 o '])
  })

  test('vouches for no more when what waits is not worked off in time', async () => {
    const { network, add, vouches, forwarder, start, pass } = begin({ batchMaxBeats: 2 })
    await start()
    network.setDelay(100)
    add(...pathsOf('o', ring5, 40))
    await pass(2_100)
    expect(forwarder.reachable('o')).toBe(true)
    expect(forwarder.stats().pending).toBeGreaterThan(0)
    expect(vouches()).toBe(false)
    await pass(2_500)
    expect(forwarder.stats().pending).toBe(0)
    expect(vouches()).toBe(true)
  })

  test('gives up beats that cannot be delivered, and begins a new life so that the judge knows', async () => {
    const { network, forwarder, batches, add, start, pass } = begin()
    await start()
    add(a)
    network.cut('m', 'o')
    await pass(4_900)
    expect(forwarder.stats()).toMatchObject({ pending: 1, dropped: 0 })
    await pass(1_300)
    expect(forwarder.stats()).toMatchObject({ pending: 0, dropped: 1 })
    network.heal()
    await pass(1_300)
    const last = batches.at(-1)
    expect(last?.life).not.toBe(batches[0]?.life)
    expect(last?.beats).toEqual([])
  })

  test('keeps its life through a cut in which it gave up nothing', async () => {
    const { network, batches, start, pass } = begin()
    await start()
    network.cut('m', 'o')
    await pass(10_000)
    network.heal()
    await pass(1_300)
    expect(batches.at(-1)?.life).toBe(batches[0]?.life)
  })
})

describe('a forwarder that is told other members', () => {
  test('gives back the beats of who is gone, with those on their way', async () => {
    const { network, forwarder, rerouted, add, vouches, start, pass } = begin()
    await start()
    network.cut('m', 'o')
    add(a)
    await pass(100)
    add(b)
    forwarder.setRing(ringOf(5, 'm', 'p'))
    expect(rerouted).toEqual([a, b])
    expect(vouches()).toBe(false)
    expect(forwarder.stats().pending).toBe(0)
  })

  test('gives back what another one judges now, and keeps the rest', async () => {
    const { forwarder, rerouted, add, told, start, pass } = begin()
    await start()
    const ring6 = ringOf(6, 'm', 'o', 'p', 'q')
    const paths = pathsOf('o', ring5, 60)
    const moved = paths.filter((path) => ring6.owner(path)?.name === 'q')
    const kept = paths.filter((path) => ring6.owner(path)?.name === 'o')
    expect(moved.length * kept.length).toBeGreaterThan(0)
    add(...paths)
    forwarder.setRing(ring6)
    expect(rerouted).toEqual(moved)
    await pass(100)
    expect(told('o').at(-1)).toBe(`0 o ${kept.join(' ')}`)
  })

  test('tells them at once, with the beats that moved', async () => {
    const { environment, network, attach, batches, start, pass } = begin()
    await start()
    await pass(50)
    const ring6 = ringOf(6, 'm', 'o', 'p', 'q')
    const [path = ''] = pathsOf('o', ringOf(1, 'o', 'p'), 200).filter(
      (each) => ring6.owner(each)?.name === 'q',
    )
    const told: HeartbeatBatch[] = []
    network.attach('q', (batch) => {
      told.push(batch)
      return { ringRevision: 6, refused: [] }
    })
    attach('p')
    const other = createForwarder({
      environment,
      self: 'm',
      peers: network.peers('m'),
      reroute: (paths) => {
        for (const each of paths) other.add(ring6.owner(each)?.name ?? '', each)
      },
    })
    other.setRing(ring5)
    other.start()
    other.add('o', path)
    other.setRing(ring6)
    await pass(10)
    expect(told.map(({ beats, ringRevision }) => `${ringRevision} ${beats.join(' ')}`)).toEqual([`6 ${path}`])
    expect(batches.at(-1)?.beats).not.toContain(path)
  })

  test('trusts who comes back at another address only when he has replied from there', async () => {
    const { environment, network, attach, forwarder, add, vouches, told, start, pass } = begin()
    await start()
    network.cut('m', 'o')
    add(a)
    await pass(100)
    attach('o@2')
    forwarder.setRing(ringOf(5, 'm', 'o@2', 'p'))
    expect(vouches()).toBe(false)
    told()
    environment.clock.runDeferred()
    await pass(20)
    expect(vouches()).toBe(true)
    expect(told('o')).toEqual([`100 o@2 ${a}`])
  })
})

describe('a forwarder that is closed', () => {
  test('delivers what waits, says farewell, and leaves nothing behind', async () => {
    const { environment, forwarder, peers, batches, told, add, vouches, start, pass } = begin({
      batchMaxBeats: 2,
    })
    await start()
    add(a, b, c)
    told()
    const closed = forwarder.close()
    expect(vouches()).toBe(false)
    expect(forwarder.close()).toBe(closed)
    await pass(10)
    await closed
    expect(told('o')).toEqual([`0 o ${a} ${b}`, `0 o ${c}.`])
    expect(environment.clock.pending).toBe(0)
    // Whoever created the peers closes them.
    const [batch] = batches
    if (batch === undefined) throw new TypeError('batches were sent')
    const sent = peers.send('p', batch, { signal: new AbortController().signal })
    await pass(10)
    await expect(sent).resolves.toBeDefined()
  })

  test('waits for the batch on its way first', async () => {
    const { network, forwarder, told, add, start, pass } = begin()
    await start()
    network.setDelay(50)
    add(a)
    await pass(120)
    add(b)
    const closed = forwarder.close()
    await pass(300)
    await closed
    expect(told('o').slice(1)).toEqual([`150 o ${a}`, `250 o ${b}.`])
  })

  test('does not wait for ever for a member that is not there', async () => {
    const { environment, network, forwarder, add, start, pass } = begin()
    await start()
    add(a)
    network.cut('m', 'o')
    let isClosed = false
    void forwarder.close().then(() => {
      isClosed = true
    })
    await pass(1_990)
    expect(isClosed).toBe(false)
    await pass(10)
    expect(isClosed).toBe(true)
    expect(environment.clock.pending).toBe(0)
  })

  test('has nothing to say when it was never started', async () => {
    const { forwarder, told } = begin()
    forwarder.setRing(ring5)
    await forwarder.close()
    forwarder.start()
    expect(told()).toEqual([])
  })
})

test('a forwarder refuses options that make no sense', () => {
  const environment = createManualEnvironment()
  const peers = createMemoryPeers(environment.clock).peers('m')
  for (const options of [
    { lingerMs: 0 },
    { keepaliveMs: 300 },
    { keepaliveMs: 50 },
    { timeoutMs: 2_001 },
    { beatLifeMs: 2_200 },
    { pendingMaxBeats: 0 },
    { batchMaxBeats: 10_001 },
    { validMs: 500 },
  ]) {
    expect(() => createForwarder({ environment, self: 'm', peers, reroute: () => {} }, options)).toThrow(
      expect.objectContaining({ code: 'REGISTRY_OPTION_INVALID' }),
    )
  }
})
