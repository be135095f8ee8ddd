import { createLocalKeyPort } from '@orrery/config-hub'
import { systemEnvironment } from '@orrery/environment/system'
import { createRecordingLogger } from '@orrery/environment/testing'
import { expect } from 'vitest'
import { cuttable } from './cut-store.ts'
import { Follower, type HubTrial } from './hub-trial.ts'

/** What holds for a hub on whatever store. */
export const hubLaws: Readonly<Record<string, (trial: HubTrial) => Promise<void>>> = {
  'what is published is read, watched and gone when it is deleted': publishReadWatch,
  'a gray release is seen by those whom its rule matches, and versions only grow': gray,
  'a poll waits for what its client does not have': poll,
  'a restart keeps everything': restart,
  'a watcher that stalls through a compaction is told the newest': compaction,
  'a member that is cut off tells nothing older than what its client has seen': lag,
  'two hubs on one store take every write once': twoHubs,
}

const group = { namespace: 'default', group: 'shop' }
const a = { ...group, file: 'a' }
const b = { ...group, file: 'b' }
const c = { ...group, file: 'c' }

async function publishReadWatch(trial: HubTrial): Promise<void> {
  const hub = await trial.hub()
  const first = await hub.releases.publish(a, { content: '1' }, { actor: 'ann' })
  expect(first).toMatchObject({ version: 1, content: '1', origin: 'publish', actor: 'ann' })
  expect(await hub.read(a)).toEqual(first)
  expect(await hub.readLinearizable(a)).toEqual(first)

  const follower = new Follower(hub.watch({ targets: [group] }))
  expect(await follower.next()).toEqual({ a: '1' })
  await hub.releases.publish(b, { content: '2' })
  expect(await follower.next()).toEqual({ a: '1', b: '2' })
  const { version, md5 } = first
  const resumed = new Follower(hub.watch({ targets: [group], known: [{ ...a, version, md5 }] }))
  expect(await resumed.next()).toEqual({ b: '2' })

  await hub.files.delete(a)
  expect(await follower.next()).toEqual({ b: '2' })
  expect(await hub.read(a)).toBeUndefined()
  expect(await hub.releases.publish(a, { content: '3' })).toMatchObject({ version: 2 })
  expect(await follower.next()).toEqual({ a: '3', b: '2' })
}

async function gray(trial: HubTrial): Promise<void> {
  const hub = await trial.hub()
  const client = { labels: { zone: 'east' } }
  const rule = { labels: [{ label: 'zone', type: 'exact', value: 'east' }] } as const
  const [some, others] = [hub.watch({ targets: [a], client }), hub.watch({ targets: [a] })].map(
    (watch) => new Follower(watch),
  )
  await hub.releases.publish(a, { content: 'old' })
  expect([await some?.next(), await others?.next()]).toEqual([{ a: 'old' }, { a: 'old' }])

  await hub.gray.publish(a, { content: 'new', rule })
  expect(await some?.next()).toEqual({ a: 'new' })
  expect(hub.peek(a)).toMatchObject({ version: 1 })
  expect(hub.peek({ ...a, client })).toMatchObject({ version: 2, origin: 'gray' })
  await expect(hub.releases.publish(a, { content: 'x' })).rejects.toMatchObject({
    code: 'CONFIG_GRAY_ACTIVE',
  })

  // What is restated has the same content as before: the others are not bothered with it.
  const told = others?.next()
  await hub.gray.stop(a)
  expect(await some?.next()).toEqual({ a: 'old' })
  expect(hub.peek(a)).toMatchObject({ version: 3, origin: 'restate', from: 1 })
  await hub.gray.publish(a, { content: 'newest', rule })
  await hub.gray.promote(a)
  await some?.until({ a: 'newest' })
  expect(await told).toEqual({ a: 'newest' })
  expect(hub.peek(a)).toMatchObject({ version: 4, origin: 'promote' })
}

async function poll(trial: HubTrial): Promise<void> {
  const hub = await trial.hub()
  const { version, md5 } = await hub.releases.publish(a, { content: '1' })
  const known = [{ ...a, version, md5 }]
  expect(await hub.poll({ targets: [a] })).toMatchObject({ type: 'changed', changes: [{ info: { md5 } }] })
  expect(await hub.poll({ targets: [a], known }, { timeoutMs: 0 })).toMatchObject({ type: 'unchanged' })

  const answers = [hub.poll({ targets: [a], known }), hub.poll({ targets: [group], known })]
  expect(hub.stats().polls).toBe(2)
  await hub.releases.publish(a, { content: '2' })
  for (const answer of await Promise.all(answers)) {
    expect(answer).toMatchObject({ type: 'changed', changes: [{ type: 'released', info: { version: 2 } }] })
  }
  const left = new AbortController()
  const abandoned = hub.poll({ targets: [b] }, { signal: left.signal })
  left.abort(new Error('it has left'))
  await expect(abandoned).rejects.toThrow('it has left')
  expect(hub.stats().polls).toBe(0)
}

async function restart(trial: HubTrial): Promise<void> {
  const key = Uint8Array.from({ length: 32 }, (_, n) => n)
  const keys = createLocalKeyPort({ keys: { k: key }, current: 'k' })
  const before = await trial.hub({ keys })
  await before.groups.create(group, { comment: 'what is sold', metadata: { owner: 'ann' } })
  await before.releases.publish(a, { content: '1', tags: { tier: 'web' } })
  await before.releases.publish(a, { content: '2' }, { actor: 'ben', reason: 'more' })
  await before.gray.publish(a, { content: '3', rule: { percent: 50 } })
  await before.files.save(a, { content: 'draft' })
  await before.releases.publish(b, { content: 'secret', encrypted: true })
  await before.releases.publish(c, { content: '1' })
  await before.files.delete(c)
  await before.templates.save('begin', { content: '{}', format: 'json' })
  const tell = async (hub: typeof before): Promise<unknown> => ({
    group: hub.groups.get(group),
    files: hub.files.list().items,
    draft: await hub.files.draft(a),
    history: await hub.releases.history(a),
    first: await hub.releases.get(a, 1),
    secret: await hub.read(b),
    template: await hub.templates.get('begin'),
    audit: await hub.audit.list(),
  })
  const told = await tell(before)
  await trial.restart()

  const after = await trial.hub({ keys })
  expect(await tell(after)).toEqual(told)
  expect(await after.read(b)).toMatchObject({ content: 'secret', encrypted: true })
  expect(await after.releases.publish(c, { content: '2' })).toMatchObject({ version: 2 })
  expect(await after.gray.promote(a)).toMatchObject({ release: { version: 3 }, gray: undefined })
}

async function compaction(trial: HubTrial): Promise<void> {
  const { store, other } = trial.home
  const logger = createRecordingLogger()
  const line = cuttable(store)
  const hub = await trial.hub({ store: line.store, environment: systemEnvironment({ logger }) })
  const writer = await trial.hub({ store: other })
  await writer.releases.publish(a, { content: '1' })
  const { revision } = await writer.groups.update(group, { comment: 'two files' })
  await writer.releases.publish(b, { content: '1' })
  await hub.reached(revision)
  const [eager, lazy] = [new Follower(hub.watch({ targets: [group] })), hub.watch({ targets: [group] })]
  await eager.until({ a: '1', b: '1' })

  line.cut()
  for (let n = 2; n <= 20; n++) await writer.releases.publish(a, { content: String(n) })
  await writer.files.delete(b)
  await writer.releases.publish(c, { content: '1' })
  const now = await store.range({ key: 'nothing' })
  await store.compact({ revision: now.revision })
  expect(hub.peek(a)).toMatchObject({ version: 1 })
  line.heal()

  await eager.until({ a: '20', c: '1' })
  expect(logger.lines.map(({ message }) => message)).toContainEqual(
    expect.stringContaining('fell behind a compaction'),
  )
  const late = new Follower(lazy)
  expect(await late.next()).toEqual({ a: '20', c: '1' })
  expect(hub.files.list().items).toEqual(writer.files.list().items)
  // It follows again.
  await writer.releases.publish(a, { content: '21' })
  await eager.until({ a: '21', c: '1' })
  await late.until({ a: '21', c: '1' })
}

async function lag(trial: HubTrial): Promise<void> {
  const line = cuttable(trial.home.store)
  const lagging = await trial.hub({ store: line.store })
  const ahead = await trial.hub({ store: trial.home.other })
  await ahead.releases.publish(a, { content: '1' })
  await lagging.readLinearizable(a)
  line.cut()
  const { version, md5 } = await ahead.releases.publish(a, { content: '2' })
  const { revision } = ahead.stats()
  const known = [{ ...a, version, md5 }]
  for (const query of [
    { targets: [a], known },
    { targets: [a], known, afterRevision: revision },
    { targets: [a], afterRevision: revision },
  ]) {
    expect(await lagging.poll(query, { timeoutMs: 0 })).toMatchObject({ type: 'unchanged' })
  }
  const follower = new Follower(lagging.watch({ targets: [group], known, afterRevision: revision }))
  const told = follower.next()
  await ahead.releases.publish(a, { content: '3' })
  line.heal()
  await told
  await follower.until({ a: '3' })
  await lagging.reached(revision)
}

async function twoHubs(trial: HubTrial): Promise<void> {
  const { store, other } = trial.home
  const hubs = [await trial.hub({ store }), await trial.hub({ store: other })] as const
  const followers = hubs.map((hub) => new Follower(hub.watch({ targets: [group] })))
  const contents = Array.from({ length: 40 }, (_, n) => `content ${n}`)
  const published = await Promise.all(
    contents.map((content, n) => hubs[n % 2 === 0 ? 0 : 1].releases.publish(a, { content }, { actor: 'x' })),
  )
  const versions = published.map(({ version }) => version).sort((one, two) => one - two)
  expect(versions).toEqual(contents.map((_, n) => n + 1))
  const newest = published.find(({ version }) => version === contents.length)
  for (const follower of followers) await follower.until({ a: newest?.content ?? '' })

  for (const hub of hubs) {
    expect(await hub.readLinearizable(a)).toEqual(newest)
    const { items } = await hub.releases.history(a)
    expect(items.map(({ version }) => version)).toEqual(versions.toReversed())
    for (const { version, content } of published) {
      expect(await hub.releases.get(a, version)).toMatchObject({ content })
    }
    const trail = await hub.audit.list({ ...a, actions: ['published'] })
    expect(trail.items.map(({ version }) => version)).toEqual(versions.toReversed())
  }

  const { revision } = await hubs[0].files.save(b, { content: 'draft' })
  const rivals = await Promise.allSettled(
    hubs.map((hub, n) => hub.files.save(b, { content: `rival ${n}` }, { ifRevision: revision })),
  )
  expect(rivals.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  expect(rivals.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: { code: 'CONFIG_CONFLICT' },
  })
}
