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
/** Those of an application that is registered by one client for each member. */
const ids = ['a', 'b', 'c'] as const
const vip = 'orders.example'
const allUp = 'a UP, b UP, c UP'

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

/** Changes of health and removals that a member has seen. */
async function eventsAt(member: RegistryMember): Promise<unknown> {
  return (await member.ask('/events?service=orders')).body
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

/** One client for each member, of which each has found all. */
async function startOneEach(): Promise<readonly Started[]> {
  const starting = cluster.members.map(async (member, at) => {
    const id = ids[at] ?? ''
    return { id, member, client: await start(member, { usesDelta: true, instance: mortal(id) }) }
  })
  const started = await Promise.all(starting)
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

function part(
  started: readonly Started[],
  isDead: (one: Started) => boolean,
): { readonly dead: Started; readonly living: readonly Started[] } {
  const dead = started.find(isDead)
  if (dead === undefined) throw new Error('nobody asked the member that was killed')
  return { dead, living: started.filter((one) => one !== dead) }
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

  test('loses no instance that beats when a member is killed, gives up one that is silent, and is whole again', async () => {
    const started = await startOneEach()
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
      expect(await eventsAt(member)).toEqual({ items: [] })
      await expectNothingLost(member)
    }

    // Whoever had to move is the one to die: its last heartbeats came another way than its first.
    const { dead, living } = part(started, (one) => one.member === victim)
    dead.client.kill()
    const known = ids.map((id) => `${id} ${id === dead.id ? 'expired' : 'registered'}`)
    const shown = ids.map((id) => `${id} ${id === dead.id ? 'DOWN' : 'UP'}`).join(', ')
    for (const member of survivors) {
      await soon(() => knownAt(member, 'orders')).toEqual(known)
      const expired = { id: dead.id, type: 'healthChanged', healthy: false, reason: 'expired' }
      expect(await eventsAt(member)).toEqual({ items: [expect.objectContaining(expired)] })
    }
    for (const { client } of living) await soon(() => pictureOf(client.eureka, vip)).toBe(shown)

    await victim.start()
    await soon(() => knownAt(victim, 'orders')).toEqual(known)
    const observer = await start(victim, { usesDelta: false })
    expect(pictureOf(observer.eureka, vip)).toBe(shown)
    for (const member of cluster.members) await soon(() => checkersOf(member)).toBe(3)
    // It judges again, and whoever comes back there is found everywhere.
    await start(victim, { usesDelta: true, instance: mortal(dead.id) })
    for (const { client } of living) await soon(() => pictureOf(client.eureka, vip)).toBe(allUp)
    await beatAll(living)
    for (const member of survivors) expect((await member.stats()).healthChanges.expired).toBe(1)
    await expectNothingLost(victim)
  })
})
