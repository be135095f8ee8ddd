import { describe, expect, test, vi } from 'vitest'
import {
  type Fleet,
  type FleetClient,
  type FleetMember,
  type FleetOptions,
  freeze,
  lifeMs,
  startFleet,
} from './registry-fleet.ts'
import { type RedisServer, startRedis } from './redis-server.ts'

const instances = 400
/** How long something may take that happens soon. Unit: ms. */
const soonMs = 60_000
/** Heartbeats in which an instance would be expired and evicted, were it judged by them. */
const beatsPerLife = (lifeMs.ttl + lifeMs.evictAfter) / lifeMs.interval
/** How long a member answers `ok` to heartbeats that it cannot bring to Redis, by the registry's README. Unit: ms. */
const vouchMaxMs = 1_000

/** Waits until something is so. */
const soon = (isSo: () => boolean) => vi.waitUntil(isSo, { timeout: soonMs, interval: 20 })

/** Waits until each of these has had so many heartbeats accepted that it had not before. */
async function accepted(clients: readonly FleetClient[], count: number): Promise<void> {
  const before = clients.map((client) => client.accepted)
  await soon(() => clients.every((client, n) => client.accepted >= (before[n] ?? 0) + count))
}

/** A fleet of which all have beaten, and each member judges some. */
async function startBeatingFleet(
  server: RedisServer,
  options: Omit<FleetOptions, 'instances'>,
): Promise<Fleet> {
  const fleet = await startFleet(server, { instances, ...options })
  await accepted(fleet.clients, beatsPerLife + 1)
  const judged = fleet.members.map(({ registry }) => registry.stats().judged)
  expect(judged.reduce((sum, count) => sum + count)).toBe(instances)
  expect(Math.min(...judged)).toBeGreaterThan(instances / 10)
  expect(fleet.members.flatMap(({ told }) => told)).toEqual([])
  return fleet
}

function thaw(server: RedisServer): Promise<void> {
  server.signal('SIGCONT')
  return Promise.resolve()
}

function die(clients: readonly FleetClient[]): ReadonlySet<string> {
  for (const client of clients) client.die()
  return new Set(clients.map(({ key }) => key.id))
}

function living({ clients }: Fleet, dead: ReadonlySet<string>): readonly FleetClient[] {
  return clients.filter(({ key }) => !dead.has(key.id))
}

/** What a member told of those that are dead, and nothing else. */
function expectOnly({ told }: FleetMember, dead: ReadonlySet<string>, what: readonly string[]): void {
  expect(told.filter(({ id }) => !dead.has(id))).toEqual([])
  for (const dying of dead) {
    expect(told.filter(({ id }) => id === dying).map((change) => change.what)).toEqual(what)
  }
}

/** Waits until all members have told that these are gone, while the living beat at most so many times. */
async function gone(fleet: Fleet, dead: ReadonlySet<string>, beatsMax: number): Promise<void> {
  const [witness] = living(fleet, dead)
  const before = witness?.beats ?? 0
  const isGone = ({ told }: FleetMember): boolean =>
    [...dead].every((dying) => told.some(({ id, what }) => id === dying && what === 'removed: evicted'))
  await soon(() => fleet.members.every(isGone))
  expect((witness?.beats ?? Infinity) - before).toBeLessThanOrEqual(beatsMax)
}

/**
 * From the first heartbeat on that a member could not bring to Redis it answers `ok` for so long as is documented, then
 * `unavailable`, and at no time `unknown`.
 */
function expectDocumented({ answers }: FleetMember, sinceMs: number): void {
  const during = answers.filter(({ atMs }) => atMs >= sinceMs)
  const [first] = during
  const untilMs = (first?.atMs ?? 0) + vouchMaxMs
  expect(new Set(during.map(({ answer }) => answer))).not.toContain('unknown')
  const late = during.filter(({ atMs }) => atMs > untilMs)
  expect(late.length).toBeGreaterThan(instances)
  expect(late.filter(({ answer }) => answer !== 'unavailable')).toEqual([])
  // Whoever was refused once is not told the contrary while nothing has changed.
  const refused = during.findIndex(({ answer }) => answer === 'unavailable')
  expect(during.slice(refused).filter(({ answer }) => answer === 'ok')).toEqual([])
}

const outages = [
  {
    name: 'is killed, stays away, and comes back empty',
    begin: (server: RedisServer) => server.kill(),
    end: (server: RedisServer) => server.restart(),
    isNoticed: true,
    redis: {},
    /** Nothing is known of whoever died: he has his time twice. */
    beatsUntilFound: (2 * lifeMs.ttl + lifeMs.evictAfter) / lifeMs.interval,
  },
  {
    name: 'is frozen, and goes on as if nothing had been',
    begin: freeze,
    end: thaw,
    isNoticed: true,
    redis: {},
    beatsUntilFound: beatsPerLife,
  },
  {
    name: 'is frozen for less than calls may take, and goes on',
    begin: freeze,
    end: thaw,
    isNoticed: false,
    redis: { commandTimeoutMs: 60_000 },
    beatsUntilFound: beatsPerLife,
  },
]

// Most of the time they wait for time to pass: together they take no longer than one of them.
describe.concurrent('a registry whose heartbeats are in a Redis that', () => {
  test.each(outages)('$name, expires nobody who beats, and finds who is dead', async (outage) => {
    await using server = await startRedis()
    await using fleet = await startBeatingFleet(server, { beatAt: 'all', redis: outage.redis })
    // These die unseen: their last heartbeats are the last thing that Redis learns.
    const deadBefore = die(fleet.clients.slice(0, 3))
    await outage.begin(server)
    const awayMs = fleet.nowMs()
    const alive = living(fleet, deadBefore)
    await soon(() => alive.every(({ refusedInRow }) => refusedInRow >= 2))
    // Registering does not need Redis. Whoever comes now is never heard of until it is back.
    await fleet.join('newcomer')
    await soon(() => fleet.clients.at(-1)?.refusedInRow === 2 * beatsPerLife)
    expect(alive.every(({ refusedInRow }) => refusedInRow > beatsPerLife)).toBe(true)
    for (const member of fleet.members) {
      expectDocumented(member, awayMs)
      expect(member.heartbeats.available).toBe(!outage.isNoticed)
      expect(member.registry.stats()).toMatchObject({ healthy: instances + 1, instances: instances + 1 })
      expect(member.told).toEqual([])
    }
    await outage.end(server)
    const stillAlive = living(fleet, deadBefore)
    await accepted(stillAlive, 1)
    // What is known of the dead is as old as the outage; all have their full time again nevertheless.
    const slack = 2
    await gone(fleet, deadBefore, outage.beatsUntilFound + slack)
    const dead = new Set([...deadBefore, ...die(stillAlive.slice(0, 2))])
    await gone(fleet, dead, beatsPerLife + slack)
    await accepted(living(fleet, dead), beatsPerLife + 1)
    for (const member of fleet.members) {
      expectOnly(member, dead, ['unhealthy: expired', 'removed: evicted'])
      const left = instances + 1 - dead.size
      expect(member.registry.stats()).toMatchObject({
        ...{ instances: left, healthy: left, heartbeats: { unknown: 0 } },
        ...{ removals: { evicted: dead.size }, healthChanges: { expired: dead.size, heartbeat: 0 } },
      })
      expect(member.registry.stats().judgingPaused.heartbeatsUnavailable).toBeGreaterThan(0)
    }
  })

  test('crashes again and again, each time with all that it knew, expires nobody who beats', async () => {
    await using server = await startRedis()
    await using fleet = await startBeatingFleet(server, { beatAt: 'second' })
    for (let crash = 0; crash < 12; crash++) {
      await server.kill()
      await server.restart()
      // Everything is known again of half of them: then it is lost once more.
      await accepted(fleet.clients.slice(crash % 20, (crash % 20) + 10), 1)
    }
    await accepted(fleet.clients, 2 * beatsPerLife)
    for (const member of fleet.members) expect(member.told).toEqual([])
  })

  test('is too full to take heartbeats, though it can be read, expires nobody who beats', async () => {
    await using server = await startRedis()
    await using fleet = await startBeatingFleet(server, { beatAt: 'second' })
    await server.client().config('SET', 'maxmemory', '1')
    await soon(() => fleet.clients.every(({ refusedInRow }) => refusedInRow >= 2 * beatsPerLife))
    for (const member of fleet.members) expect(member.told).toEqual([])
    await server.client().config('SET', 'maxmemory', '0')
    await accepted(fleet.clients, 2 * beatsPerLife)
    for (const member of fleet.members) expect(member.told).toEqual([])
    const dead = die(fleet.clients.slice(0, 3))
    await gone(fleet, dead, beatsPerLife + 2)
    for (const member of fleet.members) expectOnly(member, dead, ['unhealthy: expired', 'removed: evicted'])
  })
})
