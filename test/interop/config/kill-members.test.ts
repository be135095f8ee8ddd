import { createHash } from 'node:crypto'
import type { AuditEntry, ReleaseInfo, Slice } from '@orrery/config-hub'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type ConfigCluster, type ConfigMember, startThreeMembers } from './members.ts'
import { type Follower, startPoller } from './pollers.ts'
import { startStream } from './streams.ts'
import { contentOf, Writers } from './writers.ts'

const group = 'shop'
const files = ['cart', 'orders', 'prices'] as const
/** Releases that each member that serves acknowledges between two events. */
const publishedBetween = 40
/** Changes that each follower is told meanwhile. */
const toldBetween = 5

let cluster: ConfigCluster
const followers: Follower[] = []

beforeAll(async () => {
  cluster = await startThreeMembers()
})
afterEach(async () => {
  await Promise.all(followers.splice(0).map((follower) => follower.stop()))
})
afterAll(async () => {
  await cluster[Symbol.asyncDispose]()
})

/** Of each kind one that turns to each member first; of every three, one follows a single file. */
function follow(members: readonly ConfigMember[]): void {
  for (const [first, file] of [undefined, undefined, files[0]].entries()) {
    const options = { members, first, group, file }
    followers.push(
      startPoller({ name: `poller ${first} by what it has`, says: 'known', ...options }),
      startPoller({ name: `poller ${first} by both`, says: 'both', ...options }),
      startStream({ name: `stream ${first} by both`, says: 'both', ...options }),
      startStream({ name: `stream ${first} by its last event`, says: 'lastEventId', ...options }),
    )
  }
}

async function told(count: number): Promise<void> {
  await Promise.all(followers.map(({ seen }) => seen.more(count)))
}

/** All parts of a list that is read from the store. */
async function listed<Item>(
  { url }: ConfigMember,
  path: string,
  query: Readonly<Record<string, string>> = {},
): Promise<readonly Item[]> {
  const items: Item[] = []
  const parameters = new URLSearchParams({ ...query, limit: '1000' })
  for (;;) {
    const answer = await fetch(`${url}${path}?${parameters.toString()}`)
    expect(answer.status).toBe(200)
    const slice = (await answer.json()) as Slice<Item>
    items.push(...slice.items)
    if (slice.next === undefined) return items
    parameters.set('after', slice.next)
  }
}

/** The version that everybody sees, as the whole cluster knows it. */
async function newestOf({ url }: ConfigMember, file: string): Promise<number> {
  const path = `/namespaces/default/groups/${group}/files/${file}/active?linearizable`
  const answer = await fetch(`${url}${path}`)
  return ((await answer.json()) as ReleaseInfo).version
}

function md5Of(id: string): string {
  return createHash('md5').update(contentOf(id)).digest('hex')
}

/** What was acknowledged is there once, and nothing that nobody published. */
async function expectHistory(member: ConfigMember, file: string, writers: Writers): Promise<void> {
  const path = `/namespaces/default/groups/${group}/files/${file}/releases`
  const history = await listed<ReleaseInfo>(member, path)
  const versions = history.map(({ version }) => version)
  expect(versions).toEqual(versions.map((_, n) => versions.length - n))
  const ids = history.map(({ reason }) => reason)
  expect(new Set(ids).size).toBe(ids.length)
  for (const { reason, md5 } of history) expect(md5).toBe(md5Of(reason))

  const acknowledged = writers.acknowledged.filter((one) => one.file === file)
  expect(acknowledged.length).toBeGreaterThan(publishedBetween)
  const byVersion = new Map(history.map(({ version, reason }) => [version, reason]))
  for (const { version, id } of acknowledged) expect(byVersion.get(version)).toBe(id)
  const surplus = ids.filter((id) => !acknowledged.some((one) => one.id === id))
  expect(surplus.filter((id) => !writers.unknown.has(id))).toEqual([])

  const published = { namespace: 'default', group, file, action: 'published' }
  const trail = await listed<AuditEntry>(member, '/audit', published)
  expect(trail.map(({ version, reason }) => [version, reason])).toEqual(
    history.map(({ version, reason }) => [version, reason]),
  )
}

test('loses no release, and takes nobody back, while one member after the other is killed', async () => {
  const { members } = cluster
  const writers = new Writers({ members, group, files, writers: 6 })
  follow(members)
  for (const victim of members) {
    const survivors = members.filter((member) => member !== victim)
    await Promise.all([writers.more(publishedBetween, members), told(toldBetween)])
    await victim.kill()
    await Promise.all([writers.more(publishedBetween, survivors), told(toldBetween)])
    await victim.start()
  }
  await Promise.all([writers.more(publishedBetween, members), told(toldBetween)])
  await writers.stop()
  expect(writers.failures).toEqual([])
  // Somebody was cut off, or nothing was tried.
  expect(writers.unknown.size).toBeGreaterThan(0)

  const [first] = members
  if (first === undefined) throw new Error('there is no member')
  const newest = new Map(
    await Promise.all(files.map(async (file) => [file, await newestOf(first, file)] as const)),
  )
  for (const { seen, file } of followers) {
    await seen.reaches(new Map([...newest].filter(([name]) => file === undefined || file === name)))
    expect(seen.failures).toEqual([])
    expect(seen.connections).toBeGreaterThan(1)
  }
  for (const member of members) {
    for (const file of files) {
      // Its history is what the member itself has: it may have to catch up.
      await newestOf(member, file)
      await expectHistory(member, file, writers)
    }
  }
})
