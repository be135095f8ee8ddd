import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createRecordingLogger } from '@orrery/environment/testing'
import { openStoreInWorker, type Store } from '@orrery/store'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePorts } from '../../free-ports.ts'
import { memoryDirectory } from '../servers/etcd.ts'
import { tallies, type ThreadedMember } from './threaded-member-store.ts'

/** What the host keeps of a member. */
interface Member {
  readonly name: string
  readonly store: Store
  readonly counts: Int32Array
}

/** How long the host stands still, each time. Unit: ms. */
const blockedMs = 4_000
/** The longest, where what must happen meanwhile does not. Unit: ms. */
const blockedMaxMs = 60_000
const rounds = 4
/** More than anybody else adds while the host stands still. */
const registrationKeys = 10

const logger = createRecordingLogger()
let directory: string
let members: readonly Member[]

beforeAll(async () => {
  directory = await memoryDirectory('orrery-threads-')
  const peerPorts = await freePorts(3)
  members = await Promise.all(
    peerPorts.map(async (port, n) => {
      const name = `m${n + 1}`
      const tally = new SharedArrayBuffer(4 * Object.keys(tallies).length)
      const data = { name, directory: join(directory, name), port, peerPorts, tally } satisfies ThreadedMember
      const { store, published } = await openStoreInWorker(
        { module: new URL('./threaded-member.js', import.meta.url), data, environment: { logger } },
        { execArgv: ['--conditions=@orrery/source'] },
      )
      await published
      return { name, store, counts: new Int32Array(tally) }
    }),
  )
})

afterAll(async () => {
  await Promise.all(members.map(({ store }) => store.close()))
  await rm(directory, { recursive: true, force: true })
})

/** Nothing else happens in this thread: no timer, no message, no promise. Longer than asked on a busy machine. */
function block(untilSo: () => boolean): void {
  const startMs = performance.now()
  const never = new Int32Array(new SharedArrayBuffer(4))
  for (;;) {
    const passedMs = performance.now() - startMs
    if (passedMs > blockedMaxMs || (passedMs > blockedMs && untilSo())) return
    Atomics.wait(never, 0, 0, 50)
  }
}

function countOf({ counts }: Member, tally: keyof typeof tallies): number {
  return Atomics.load(counts, tallies[tally])
}

async function valueOf(
  { store }: Member,
  key: string,
): Promise<{ value: string; version: number } | undefined> {
  const found = await store.get(key)
  return found && { value: Buffer.from(found.value).toString(), version: found.version }
}

function standing(): readonly unknown[] {
  return members.map(({ store }) => {
    const { term, leaderId, state } = store.status()
    return { term, leaderId, state }
  })
}

test('a host that hangs again and again costs its members in threads nothing, and itself its registration', async () => {
  const [first, second] = members as [Member, Member, Member]
  const patient = await first.store.leases.grant({ ttlMs: 3_600_000 })
  await first.store.put({ key: 'patient', lease: patient.id })
  // Every client in a thread has begun.
  while (members.some((member) => countOf(member, 'renewed') === 0 || countOf(member, 'acknowledged') === 0))
    await second.store.get('patient')
  const before = standing()

  for (let round = 0; round < rounds; round++) {
    // What a service of the host itself would do: register, and prove from the host's loop that it is there.
    const own = await second.store.leases.grant({ ttlMs: 2_000 })
    const renewal = setInterval(() => {
      second.store.leases.keepAlive(own.id).catch(() => {})
    }, 500)
    for (let n = 0; n < registrationKeys; n++) {
      await second.store.put({ key: `registration/${n}`, lease: own.id })
    }
    // It has seen all of that.
    await first.store.get('registration/')
    const { keys } = first.store.status()
    const inFlight = members.map(async ({ store }, n) => store.put({ key: `host/${round}/${n}` }))
    const written = members.map((member) => countOf(member, 'acknowledged'))
    const renewed = members.map((member) => countOf(member, 'renewed'))
    // So that they are on their way.
    await new Promise((resolve) => setImmediate(resolve))

    block(() => {
      const isGone = first.store.status().keys === keys + inFlight.length - registrationKeys
      return isGone && members.every((member, n) => countOf(member, 'renewed') > (renewed[n] ?? 0) + 4)
    })

    for (const [n, member] of members.entries()) {
      expect(countOf(member, 'acknowledged'), 'writes went on').toBeGreaterThan(written[n] ?? 0)
      expect(countOf(member, 'failed')).toBe(0)
    }
    expect(standing(), 'nobody was elected').toEqual(before)
    await Promise.all(inFlight)
    clearInterval(renewal)
    await expect(second.store.leases.keepAlive(own.id)).rejects.toMatchObject({ code: 'LEASE_NOT_FOUND' })
    expect(await second.store.range({ key: 'registration/', rangeEnd: 'registration0' })).toMatchObject({
      count: 0,
    })
    expect((await first.store.leases.timeToLive(patient.id, { keys: true }))?.keys).toHaveLength(1)
    for (const { name } of members)
      expect(await valueOf(first, `leased/${name}`)).toMatchObject({ version: 1 })
  }

  for (const member of members) {
    const acknowledged = countOf(member, 'acknowledged')
    const found = await valueOf(member, `written/${member.name}`)
    expect(Number(found?.value)).toBeGreaterThanOrEqual(acknowledged)
    // Each was written once, none twice.
    expect(found?.version).toBe(Number(found?.value))
    for (let round = 0; round < rounds; round++) {
      for (const n of members.keys()) expect(await member.store.get(`host/${round}/${n}`)).toBeDefined()
    }
  }
  expect(standing()).toEqual(before)
  expect(logger.lines.filter(({ level }) => level === 'error')).toEqual([])
})
