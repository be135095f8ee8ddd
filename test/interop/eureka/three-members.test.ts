import type { Instance } from '@orrery/registry'
import type { EurekaInstance } from 'eureka-js-client'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { instanceOf } from './clients.ts'
import {
  type ClusterClient,
  type ClusterClientOptions,
  pictureOf,
  type SentRequest,
  startClusterClient,
} from './cluster-client.ts'
import { type RegistryCluster, type RegistryMember, startThreeMembers } from './members.ts'

/** How long something may take that happens soon. Unit: ms. */
const soonMs = 20_000
/** More heartbeats than an instance may miss. */
const beatsPerLife = 7
const shop = '/namespaces/default/services/shop'
/**
 * Instances of an application, each with a client of its own, three for each member: so many that some of them are judged
 * elsewhere than where they beat, and few enough that the registry does not protect itself.
 */
const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'] as const
const vip = 'orders.example'
const allUp = ids.map((id) => `${id} UP`).join(', ')

let cluster: RegistryCluster
let clients: ClusterClient[] = []

beforeAll(async () => {
  cluster = await startThreeMembers()
})

afterEach(() => {
  for (const client of clients) client.kill()
  clients = []
})

afterAll(async () => {
  await cluster[Symbol.asyncDispose]()
})

/** Waits until what is read is as expected. */
const soon = <Value>(read: () => Value | Promise<Value>) =>
  expect.poll(read, { timeout: soonMs, interval: 100 })

/** Starts a client that asks `member` first, and the others when it does not answer. */
async function start(
  member: RegistryMember,
  options: Omit<ClusterClientOptions, 'urls'>,
): Promise<ClusterClient> {
  const others = cluster.members.filter((other) => other !== member)
  const client = await startClusterClient({
    urls: [member, ...others].map(({ eurekaUrl }) => eurekaUrl),
    ...options,
  })
  clients.push(client)
  return client
}

/** Id and reason of health of what a member knows of a service, in order of ids. */
async function knownAt(member: RegistryMember, service: string): Promise<readonly string[]> {
  const { body } = await member.ask(`/instances?service=${service}`)
  const { items } = body as { readonly items: readonly Instance[] }
  return items.map(({ id, healthReason }) => `${id} ${healthReason}`)
}

/** What is of interest of a change of health, or a removal. */
interface InstanceEvent {
  readonly id: string
  readonly type: string
  readonly healthy: boolean
  readonly reason: string
}

/** Changes of health and removals that a member has seen. */
async function eventsAt(member: RegistryMember): Promise<readonly InstanceEvent[]> {
  const { body } = await member.ask('/events?service=orders')
  return (body as { readonly items: readonly InstanceEvent[] }).items
}

/** The member that judges the most instances: its loss is felt most. */
async function busiest(): Promise<RegistryMember> {
  const { members } = cluster
  const judged = await Promise.all(members.map(async (member) => (await member.stats()).judged))
  const found = members[judged.indexOf(Math.max(...judged))]
  if (found === undefined) throw new Error('there is no member')
  return found
}

/** How many members share the checking of health, as one of them knows it. */
async function checkersOf(member: RegistryMember): Promise<number> {
  const { body } = await member.ask('/checkers')
  return (body as { readonly items: readonly unknown[] }).items.length
}

interface Started {
  readonly id: string
  /** Which it asked first. */
  readonly member: RegistryMember
  readonly client: ClusterClient
}

/** What is given up after 5 s of silence. */
function mortal(id: string): EurekaInstance {
  const leaseInfo = { renewalIntervalInSecs: 1, durationInSecs: 5 }
  return instanceOf(id, { app: 'orders', vipAddress: vip, leaseInfo })
}

async function startAll(places: readonly Omit<Started, 'client'>[]): Promise<readonly Started[]> {
  const starting = places.map(async ({ id, member }) => {
    return { id, member, client: await start(member, { usesDelta: true, instance: mortal(id) }) }
  })
  return await Promise.all(starting)
}

/** The same number of clients for each member, of which each has found all. */
async function startEverywhere(): Promise<readonly Started[]> {
  const { members } = cluster
  const started = await startAll(
    ids.flatMap((id, at) => {
      const member = members[at % members.length]
      return member === undefined ? [] : { id, member }
    }),
  )
  for (const { client, member } of started) {
    await soon(() => pictureOf(client.eureka, vip)).toBe(allUp)
    client.pictures.clear()
    expect(registrationsOf(client)).toEqual([{ method: 'POST', url: member.eurekaUrl }])
  }
  return started
}

function registrationsOf({ requests }: ClusterClient): readonly SentRequest[] {
  return requests.filter(({ method }) => method === 'POST')
}

async function beatAll(started: readonly Started[]): Promise<void> {
  await Promise.all(started.map(({ client }) => client.beats(beatsPerLife)))
}

/** All live, and none was given up or unknown since the member was started. */
async function expectNothingLost(member: RegistryMember): Promise<void> {
  expect(await member.stats()).toMatchObject({
    healthy: ids.length,
    healthChanges: { expired: 0 },
    removals: { evicted: 0 },
    heartbeats: { unknown: 0 },
  })
}

/**
 * One client of each surviving member lives on. The member that was killed judged at least three, since it was the
 * busiest: so somebody has to have taken over one at least that dies.
 */
function part(
  started: readonly Started[],
  survivors: readonly RegistryMember[],
): { readonly dying: readonly Started[]; readonly living: readonly Started[] } {
  const living = survivors.flatMap((member) => started.find((one) => one.member === member) ?? [])
  return { dying: started.filter((one) => !living.includes(one)), living }
}

describe('a registry of three members', () => {
  test('shows what was registered over HTTP to Eureka clients, and the reverse', async () => {
    const [first, second, third] = cluster.members
    if (first === undefined || second === undefined || third === undefined) throw new Error('too few members')
    const client = await start(second, { usesDelta: false, instance: instanceOf('eureka-1') })
    const body = JSON.stringify({ id: 'http-1', host: '10.0.0.7', port: 8080, ttlMs: 30_000 })
    expect(await first.ask(`${shop}/instances`, { method: 'POST', body })).toMatchObject({ status: 201 })

    // Its vip address is the name of the service, as it has no other.
    await soon(() => pictureOf(client.eureka, 'shop')).toBe('http-1 UP')
    const seen = client.eureka.getInstancesByAppId('shop')
    expect(seen.find(({ instanceId }) => instanceId === 'http-1')).toMatchObject({
      app: 'SHOP',
      hostName: '10.0.0.7',
      ipAddr: '10.0.0.7',
      port: { $: 8080, '@enabled': 'true' },
    })
    await soon(() => third.ask(`${shop}/discover?healthyOnly`)).toMatchObject({
      status: 200,
      body: {
        instances: [
          { id: 'eureka-1', host: '127.0.0.1', port: 8080, protocol: 'http', ttlMs: 90_000 },
          { id: 'http-1', host: '10.0.0.7', port: 8080, ttlMs: 30_000 },
        ],
      },
    })

    const beat = await third.ask(`${shop}/instances/http-1/heartbeat`, { method: 'PUT' })
    expect(beat).toMatchObject({ status: 204 })
    const isolated = JSON.stringify({ isolated: true })
    await third.ask(`${shop}/instances/http-1`, { method: 'PATCH', body: isolated })
    await soon(() => pictureOf(client.eureka, 'shop')).toBe('http-1 OUT_OF_SERVICE')
    await first.ask(`${shop}/instances/http-1`, { method: 'DELETE' })
    await soon(() => pictureOf(client.eureka, 'shop')).toBe('')
    await client.stop()
    for (const member of cluster.members) await soon(() => knownAt(member, 'shop')).toEqual([])
  })

  test('loses no instance that beats when a member is killed, gives up those that are silent, and is whole again', async () => {
    const started = await startEverywhere()
    const victim = await busiest()
    const survivors = cluster.members.filter((member) => member !== victim)
    await victim.kill()
    for (const member of survivors) await soon(() => checkersOf(member)).toBe(2)
    await beatAll(started)
    // Until another member judges what the killed one did, heartbeats may be refused with 503. The client takes its
    // servers in turn then, the killed one among them, for all its requests together: it takes some until it stays.
    for (const { client } of started) {
      expect([...client.pictures]).toEqual([allUp])
      expect(registrationsOf(client)).toHaveLength(1)
      await soon(() => client.requests.slice(-4).some(({ url }) => url === victim.eurekaUrl)).toBe(false)
    }
    for (const member of survivors) {
      expect(await eventsAt(member)).toEqual([])
      await expectNothingLost(member)
    }

    const { dying, living } = part(started, survivors)
    for (const { client } of dying) client.kill()
    const lives = (id: string): boolean => living.some((one) => one.id === id)
    const known = ids.map((id) => `${id} ${lives(id) ? 'registered' : 'expired'}`)
    const shown = ids.map((id) => `${id} ${lives(id) ? 'UP' : 'DOWN'}`).join(', ')
    for (const member of survivors) {
      await soon(() => knownAt(member, 'orders')).toEqual(known)
      const expired = dying.map(({ id }) => ({
        id,
        type: 'healthChanged',
        healthy: false,
        reason: 'expired',
      }))
      expect([...(await eventsAt(member))].sort((one, other) => (one.id < other.id ? -1 : 1))).toMatchObject(
        expired,
      )
    }
    for (const { client } of living) await soon(() => pictureOf(client.eureka, vip)).toBe(shown)

    await victim.start()
    await soon(() => knownAt(victim, 'orders')).toEqual(known)
    const observer = await start(victim, { usesDelta: false })
    expect(pictureOf(observer.eureka, vip)).toBe(shown)
    for (const member of cluster.members) await soon(() => checkersOf(member)).toBe(3)
    // It judges again, and whoever comes back there is found everywhere.
    const back = await startAll(dying.map(({ id }) => ({ id, member: victim })))
    for (const { client } of living) await soon(() => pictureOf(client.eureka, vip)).toBe(allUp)
    await beatAll([...living, ...back])
    for (const member of survivors) {
      expect(await member.stats()).toMatchObject({ healthChanges: { expired: dying.length } })
    }
    await expectNothingLost(victim)
  })
})
