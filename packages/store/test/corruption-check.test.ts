import type { Clock, Timer } from '@orrery/environment'
import { createMemoryNetwork, type MemoryNetwork } from '@orrery/raft-node'
import type { CorruptionCheckOptions, OpenedMember, Store } from '@orrery/store'
import { createStoreBackend, type DurableBackend, openMemberOn } from '@orrery/store/testing'
import { createSimulatedDisk, type SimulatedDisk } from '@orrery/wal/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findDiffering, unknownMember } from '../src/cluster/corruption-verdict.ts'
import { errorOf, nextTurns, stillEnvironment } from './support.ts'

let environment: ReturnType<typeof stillEnvironment>
let network: MemoryNetwork
const machines = new Map<string, Machine>()
const names = ['a', 'b', 'c']
/** Those that are set and have neither run nor been cancelled. */
const timers = new Set<object>()

function countedTimer(clock: Clock, [delayMs, callback]: Parameters<Clock['setTimer']>): Timer {
  const timer = clock.setTimer(delayMs, () => {
    timers.delete(counted)
    callback()
  })
  const counted = {
    cancel: () => {
      timers.delete(counted)
      timer.cancel()
    },
  }
  timers.add(counted)
  return counted
}

beforeEach(() => {
  environment = stillEnvironment()
  timers.clear()
  const { clock } = environment
  environment = { ...environment, clock: { ...clock, setTimer: (...call) => countedTimer(clock, call) } }
  network = createMemoryNetwork({ clock: environment.clock })
})

afterEach(async () => {
  await until(closeAll())
  await network.close()
  machines.clear()
})

/** What outlives the process of a member. */
class Machine {
  disk: SimulatedDisk = createSimulatedDisk()
  opened: OpenedMember | undefined
  readonly #backend = createStoreBackend()
  #index = 0
  readonly #lies: [string, string][] = []

  get store(): Store {
    if (this.opened === undefined) throw new Error('not open')
    return this.opened.store
  }

  get published(): Promise<void> {
    return this.opened?.published ?? Promise.reject(new Error('not open'))
  }

  /** Nothing waits here: what was sealed is durable. */
  open(): DurableBackend {
    const memory = this.#backend
    return {
      ...memory,
      durableIndex: this.#index,
      seal: (index) => {
        this.#index = index
      },
      get: (main, sub) => this.#told(memory.get(main, sub)),
      scan: (fromMain, fromSub, visit) => {
        memory.scan(fromMain, fromSub, (main, sub, tombstone, record) =>
          visit(main, sub, tombstone, this.#told(record)),
        )
      },
      close: () => Promise.resolve(),
      onDurable: undefined,
      onFailure: undefined,
    }
  }

  /** The disk tells something else than what was written. */
  tamper(value: string, by: string): void {
    this.#lies.push([value, by])
  }

  /** What the disk makes of a record. */
  #told(record: Uint8Array): Uint8Array {
    let text = Buffer.from(record).toString('latin1')
    for (const [value, by] of this.#lies) text = text.replace(value, by)
    return Buffer.from(text, 'latin1')
  }
}

async function until<T>(work: Promise<T>): Promise<T> {
  const state = { isOver: false }
  const over = (): void => {
    state.isOver = true
  }
  work.then(over, over)
  for (;;) {
    await nextTurns()
    if (state.isOver) return await work
    environment.clock.advance(10)
  }
}

async function closeAll(): Promise<void> {
  for (const { opened } of machines.values()) await opened?.store.close()
}

async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 10) {
    environment.clock.advance(10)
    await nextTurns()
  }
}

async function open(name: string, corruptionCheck: CorruptionCheckOptions): Promise<Machine> {
  const machine = machines.get(name) ?? new Machine()
  const hasLog = machines.has(name)
  machines.set(name, machine)
  machine.disk = machine.disk.kill()
  machine.opened = await openMemberOn(
    {
      disk: machine.disk,
      backends: {
        open: () => Promise.resolve(machine.open()),
        remove: () => Promise.resolve(),
        list: () => Promise.resolve([]),
      },
      hasLog: () => Promise.resolve(hasLog),
    },
    {
      directory: '/data',
      environment,
      transport: () => network.transport(name),
      peerAddresses: [name],
      origin: { type: 'new', members: names.map((one) => [one]) },
      name,
    },
    { corruptionCheck },
  )
  return machine
}

async function openAll(check: CorruptionCheckOptions): Promise<{ leader: Machine; followers: Machine[] }> {
  const all = await until(Promise.all(names.map((name) => open(name, check))))
  await until(Promise.all(all.map((one) => one.published)))
  const leads = ({ store }: Machine): boolean => store.status().leaderId === store.status().memberId
  const leader = all.find(leads)
  if (leader === undefined) throw new Error('nobody leads')
  return { leader, followers: all.filter((one) => one !== leader) }
}

const alarmOf = ({ store }: Machine): { memberId: bigint; type: 'corrupt' } => ({
  memberId: store.status().memberId,
  type: 'corrupt',
})

/** History that a comparison has to read, at every member. */
async function write({ store }: Machine): Promise<void> {
  for (const value of ['first', 'second', 'third']) await until(store.put({ key: 'k', value }))
  for (const { store: one } of machines.values()) await until(one.get('k'))
}

describe('the periodic comparison', () => {
  test('raises no alarm where all hold the same', async () => {
    const { leader } = await openAll({ intervalMs: 1_000 })
    await write(leader)
    await pass(3_000)
    expect(leader.store.alarms.list()).toEqual([])
  })

  test('names the one member that differs, at the interval and not before; everybody refuses writes', async () => {
    const { leader, followers } = await openAll({ intervalMs: 60_000 })
    const [wrong, right] = followers as [Machine, Machine]
    await write(leader)
    wrong.tamper('second', 'sEcond')
    await pass(30_000)
    expect(leader.store.alarms.list()).toEqual([])
    await pass(40_000)
    for (const { store } of [leader, wrong, right]) {
      expect(store.alarms.list()).toEqual([alarmOf(wrong)])
      expect(await until(errorOf(store.put({ key: 'k' })))).toMatchObject({ code: 'STORE_CORRUPT' })
      expect(await until(errorOf(store.leases.grant({ ttlMs: 5_000 })))).toMatchObject({
        code: 'STORE_CORRUPT',
      })
      expect(Buffer.from((await until(store.get('k')))?.value ?? []).toString()).toBe('third')
    }
  })

  test('names a leader that differs from the others', async () => {
    const { leader } = await openAll({ intervalMs: 1_000 })
    await write(leader)
    leader.tamper('first', 'fIrst')
    await pass(2_000)
    expect(leader.store.alarms.list()).toEqual([alarmOf(leader)])
  })

  test('names nobody where no majority agrees', async () => {
    const { leader, followers } = await openAll({ intervalMs: 1_000 })
    await write(leader)
    followers[0]?.tamper('second', 'sEcond')
    followers[1]?.tamper('second', 'seCond')
    await pass(2_000)
    expect(leader.store.alarms.list()).toEqual([{ memberId: unknownMember, type: 'corrupt' }])
  })

  test('goes on without a member that is away, and finds out when it is back', async () => {
    const { leader, followers } = await openAll({ intervalMs: 1_000 })
    const [wrong] = followers as [Machine]
    await write(leader)
    wrong.tamper('second', 'sEcond')
    const [away = ''] = [...machines].find(([, one]) => one === wrong) ?? []
    network.isolate(away)
    await pass(3_000)
    expect(leader.store.alarms.list()).toEqual([])
    network.heal()
    await pass(15_000)
    const { store } = leader
    expect(store.alarms.list()).toEqual([alarmOf(wrong)])
  })

  test('leaves an alarm that outlives its members until somebody disarms it', async () => {
    const check = { intervalMs: 1_000 }
    const { leader, followers } = await openAll(check)
    const [wrong] = followers as [Machine]
    const alarm = alarmOf(wrong)
    await write(leader)
    wrong.tamper('second', 'sEcond')
    await pass(2_000)
    await until(closeAll())
    wrong.tamper('sEcond', 'second')
    const again = await openAll(check)
    expect(again.leader.store.alarms.list()).toEqual([alarm])
    expect(await until(errorOf(again.leader.store.put({ key: 'k' })))).toMatchObject({
      code: 'STORE_CORRUPT',
    })
    expect(await until(again.leader.store.alarms.deactivate({ memberId: 0n, type: 'corrupt' }))).toEqual([
      alarm,
    ])
    await until(again.leader.store.put({ key: 'k' }))
    await pass(3_000)
    expect(again.leader.store.alarms.list()).toEqual([])
  })

  test('leaves no timer behind', async () => {
    const { leader } = await openAll({ intervalMs: 1_000, compactionIntervalMs: 1_000 })
    await write(leader)
    await until(closeAll())
    await network.close()
    expect(timers.size).toBe(0)
  })
})

describe('the comparison of compactions', () => {
  test('finds what differed in the history that is gone since', async () => {
    const { leader, followers } = await openAll({ compactionIntervalMs: 1_000 })
    const [wrong] = followers as [Machine]
    await write(leader)
    wrong.tamper('second', 'sEcond')
    await until(leader.store.compact({ revision: 4, physical: true }))
    await pass(2_000)
    expect(leader.store.alarms.list()).toEqual([alarmOf(wrong)])
  })

  test('finds nothing where there was nothing to find, compaction by compaction', async () => {
    const { leader } = await openAll({ compactionIntervalMs: 1_000 })
    for (let n = 0; n < 15; n++) {
      await write(leader)
      await until(leader.store.compact({ revision: leader.store.status().revision - 1 }))
      if (n % 4 === 0) await pass(1_100)
    }
    await pass(2_000)
    expect(leader.store.alarms.list()).toEqual([])
  })

  test('looks at each compaction once', async () => {
    const { leader, followers } = await openAll({ compactionIntervalMs: 1_000 })
    const [wrong] = followers as [Machine]
    await write(leader)
    await until(leader.store.compact({ revision: 3 }))
    await pass(2_000)
    wrong.tamper('third', 'tHird')
    await pass(2_000)
    expect(leader.store.alarms.list()).toEqual([])
    await until(leader.store.compact({ revision: 4 }))
    await pass(2_000)
    expect(leader.store.alarms.list()).toEqual([alarmOf(wrong)])
  })
})

describe('a member that compares itself when it starts', () => {
  const check = { atStart: true }

  async function restart(machine: Machine): Promise<void> {
    const [name = ''] = [...machines].find(([, one]) => one === machine) ?? []
    await until(machine.store.close())
    await until(open(name, check))
  }

  test('is published when it holds the same', async () => {
    const { leader, followers } = await openAll(check)
    const [one] = followers as [Machine]
    await write(leader)
    await restart(one)
    await until(one.published)
    expect(one.store.status().state).toBe('open')
  })

  test('does not start when it differs from the others', async () => {
    const { leader, followers } = await openAll(check)
    const [one] = followers as [Machine]
    await write(leader)
    one.tamper('second', 'sEcond')
    await restart(one)
    expect(await until(errorOf(one.published))).toMatchObject({
      code: 'STORE_CORRUPT',
    })
    expect(one.store.status().state).toBe('closed')
    await until(leader.store.put({ key: 'k' }))
  })

  test('starts when it agrees with the majority, and another one does not', async () => {
    const { leader, followers } = await openAll(check)
    const [one, wrong] = followers as [Machine, Machine]
    await write(leader)
    wrong.tamper('second', 'sEcond')
    await restart(one)
    await until(one.published)
    expect(one.store.status().state).toBe('open')
  })
})

test('intervals that are none are refused', async () => {
  for (const intervalMs of [-1, 0.5, NaN, Infinity]) {
    const refused = await errorOf(open('a', { intervalMs }))
    expect(refused).toMatchObject({ code: 'STORE_OPTIONS_INVALID' })
  }
})

describe('who differs', () => {
  const hashes = (...list: number[]): { memberId: bigint; hash: number }[] =>
    list.map((hash, n) => ({ memberId: BigInt(n + 1), hash }))

  test.each([
    ['nobody, where all agree', hashes(7, 7, 7), 3, []],
    ['nobody, where only one was asked', hashes(7), 3, []],
    ['the minority', hashes(7, 8, 7, 9, 7), 5, [2n, 4n]],
    ['unknown, where two of two disagree', hashes(7, 8), 2, [unknownMember]],
    ['unknown, where those who agree are no majority of all', hashes(7, 7, 8), 5, [unknownMember]],
    ['unknown, where it is half and half', hashes(7, 7, 8, 8), 4, [unknownMember]],
  ] as const)('%s', (_name, list, count, verdict) => {
    expect(findDiffering(list, count)).toEqual(verdict)
  })
})
