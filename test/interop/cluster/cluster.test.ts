import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { systemEnvironment } from '@orrery/environment/system'
import { openLmdbBackend } from '@orrery/mvcc-lmdb'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, type ClusterMember, startCluster, statusOf } from '../servers/cluster.ts'
import { etcdctl } from '../servers/etcdctl.ts'
import { memoryDirectory } from '../servers/etcd.ts'
import { restoreOrrery } from '../servers/orrery.ts'
import { held, Writers } from './writers.ts'

let cluster: Cluster

beforeAll(async () => {
  cluster = await startCluster(3)
})

afterAll(async () => {
  await cluster[Symbol.asyncDispose]()
})

/** Runs a command that has to succeed. Gives what it printed. */
async function succeed(at: { readonly endpoint: string }, ...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, errors } = await etcdctl(at, args)
  expect(errors, args.join(' ')).toEqual([])
  expect(exitCode, args.join(' ')).toBe(0)
  return stdout
}

/** How long a command may be refused. Unit: ms. */
const patienceMs = 20_000

/** Repeats a command until it succeeds. */
async function eventually(at: { readonly endpoint: string }, ...args: readonly string[]): Promise<string> {
  return await repeat(at, args, () => false)
}

/** Removes a member. An attempt whose answer is lost, with the leader that it removes, may have done so. */
async function eventuallyRemove(at: { readonly endpoint: string }, id: string): Promise<void> {
  await repeat(at, ['member', 'remove', id], (error) => error.includes('member not found'))
}

async function repeat(
  at: { readonly endpoint: string },
  args: readonly string[],
  isDone: (error: string) => boolean,
): Promise<string> {
  const deadline = AbortSignal.timeout(patienceMs)
  for (let attempt = 1; ; attempt++) {
    const { exitCode, stdout, errors } = await etcdctl(at, args)
    if (exitCode === 0 || (attempt > 1 && errors.some(isDone))) return stdout
    if (deadline.aborted) throw new Error(`etcdctl ${args.join(' ')} goes on to fail: ${errors.join('; ')}`)
  }
}

async function memberIdOf({ endpoint }: ClusterMember): Promise<string> {
  const [status] = await statusOf(endpoint)
  return BigInt(status?.Status.header.member_id ?? 0).toString(16)
}

/** Runs a command that has to be refused, with these words. */
async function refuse(
  words: string,
  at: { readonly endpoint: string },
  ...args: readonly string[]
): Promise<void> {
  const { exitCode, errors } = await etcdctl(at, args)
  expect(exitCode, args.join(' ')).not.toBe(0)
  expect(errors.join('\n'), args.join(' ')).toContain(words)
}

/** `member list`, without ids, one line a member. */
async function memberLines(at: { readonly endpoint: string }): Promise<readonly string[]> {
  const stdout = await succeed(at, 'member', 'list')
  const lines = stdout.trim().split('\n')
  return lines.map((line) => line.split(', ').slice(1).join(', ')).sort()
}

function lineOf({ name, peer, endpoint }: ClusterMember, isLearner = false): string {
  return `started, ${name}, http://${peer}, http://${endpoint}, ${String(isLearner)}`
}

function others(than: ClusterMember): readonly ClusterMember[] {
  return cluster.members.filter((member) => member !== than)
}

/** All members hold the same history. A linearizable read makes each of them catch up before it is asked. */
async function expectSameHash(members: readonly ClusterMember[] = cluster.members): Promise<void> {
  const hashes = new Set<string>()
  for (const member of members) {
    await succeed(member, 'get', 'nothing')
    const [, hash = ''] = (await succeed(member, 'endpoint', 'hashkv')).trim().split(', ')
    hashes.add(hash)
  }
  expect(hashes.size).toBe(1)
}

/** Every write that was answered is there, where it was answered to be, at every member. */
async function expectHeld(writers: Writers, prefix: string): Promise<void> {
  expect(writers.acknowledged.size).toBeGreaterThan(0)
  for (const { endpoint } of cluster.members) {
    const found = await held(endpoint, prefix)
    const lost = [...writers.acknowledged].filter(([key, written]) => {
      const kv = found.get(key)
      return kv?.value !== written.value || kv.revision !== written.revision
    })
    expect(lost, endpoint).toEqual([])
    for (const [key, { value }] of found) expect(value).toBe(`value of ${key}`)
  }
  await expectSameHash()
}

describe('etcdctl and three reference servers', () => {
  test('read at each what was written at any', async () => {
    for (const [n, writer] of cluster.members.entries()) {
      expect(await succeed(writer, 'put', `k${n}`, writer.name)).toBe('OK\n')
      for (const reader of cluster.members) {
        expect(await succeed(reader, 'get', `k${n}`)).toBe(`k${n}\n${writer.name}\n`)
      }
    }
  })

  test('agree on who leads, are healthy, and hash alike', async () => {
    const leader = await cluster.leader()
    const status = (await succeed(cluster, 'endpoint', 'status')).trim().split('\n')
    const leading = status.map((line) => line.split(', ')).filter(([, , , , isLeader]) => isLeader === 'true')
    expect(status).toHaveLength(3)
    expect(leading.map(([endpoint]) => endpoint)).toEqual([leader.endpoint])
    for (const args of [
      ['endpoint', 'health'],
      ['endpoint', 'health', '--cluster'],
    ]) {
      const { exitCode, errors } = await etcdctl(cluster, args)
      expect(exitCode).toBe(0)
      expect(errors.filter((line) => line.includes('is healthy'))).toHaveLength(3)
    }
    await expectSameHash()
  })

  test('list each member with its name and addresses', async () => {
    for (const at of cluster.members)
      expect(await memberLines(at)).toEqual(cluster.members.map((one) => lineOf(one)))
  })

  test('hand leadership on', async () => {
    const leader = await cluster.leader()
    const [next, other] = others(leader)
    if (next === undefined || other === undefined) throw new Error('there are too few members')
    const id = await memberIdOf(next)
    const refused = await etcdctl(other, ['move-leader', id])
    expect(refused.exitCode).not.toBe(0)
    expect(refused.errors.join('\n')).toContain('no leader endpoint given')
    expect(await succeed(cluster, 'move-leader', id)).toContain(`Leadership transferred from `)
    expect((await cluster.leader()).name).toBe(next.name)
  })

  test('take in a learner, promote it, move it and remove it', async () => {
    const [first] = cluster.members
    if (first === undefined) throw new Error('there is no member')
    const fourth = await cluster.place('m4')
    // Refused until all members have been connected for some seconds, as by etcd.
    const added = await eventually(
      first,
      'member',
      'add',
      'm4',
      `--peer-urls=http://${fourth.peer}`,
      '--learner',
    )
    const [, id = ''] = /Member\s+([0-9a-f]+) added to cluster/.exec(added) ?? []
    expect(await memberLines(first)).toContain(`unstarted, , http://${fourth.peer}, , true`)
    const again = await etcdctl(first, ['member', 'add', 'm5', `--peer-urls=http://${fourth.peer}`])
    expect(again.errors.join('\n')).toContain('Peer URLs already exists')

    const contacts = cluster.members.map(({ peer }) => peer).join(',')
    await fourth.start({ args: ['--join', contacts], healthy: false })
    await expect.poll(() => memberLines(first)).toContain(lineOf(fourth, true))
    const isLearner = async (): Promise<unknown> => (await statusOf(fourth.endpoint))[0]?.Status.isLearner
    await expect.poll(isLearner, { timeout: 10_000 }).toBe(true)

    expect(await eventually(first, 'member', 'promote', id)).toContain(`Member `)
    await expect.poll(() => memberLines(first)).toContain(lineOf(fourth))
    await succeed(fourth, 'put', 'from the fourth', '1')
    await expectSameHash([...cluster.members, fourth])

    const update = await succeed(
      first,
      'member',
      'update',
      id,
      `--peer-urls=http://localhost:1,http://${fourth.peer}`,
    )
    expect(update).toContain('updated in cluster')
    expect((await memberLines(first)).join('\n')).toContain(`http://${fourth.peer},http://localhost:1`)

    expect(await eventually(first, 'member', 'remove', id)).toContain('removed from cluster')
    expect(await memberLines(first)).toEqual(cluster.members.map((one) => lineOf(one)))
    await fourth.stop()
    await expect(fourth.start()).rejects.toThrow('removed from')
    await succeed(first, 'put', 'after the fourth', '1')
    await expectSameHash()
  })
})

describe('etcdctl and a cluster that it changes', () => {
  test('is refused what makes no sense, in the words of etcd', async () => {
    const [first, second] = cluster.members
    if (first === undefined || second === undefined) throw new Error('there are too few members')
    const leader = await cluster.leader()
    await refuse('etcdserver: member not found', first, 'member', 'remove', '7')
    await refuse('etcdserver: member not found', first, 'member', 'promote', '7')
    await refuse('etcdserver: member not found', first, 'member', 'update', '7', '--peer-urls=http://h:1')
    await refuse('etcdserver: bad leader transferee', cluster, 'move-leader', '7')
    const voter = await memberIdOf(second)
    await refuse('etcdserver: can only promote a learner member', first, 'member', 'promote', voter)
    const learner = ['member', 'add', 'm6', '--peer-urls=http://127.0.0.1:1', '--learner']
    const added = await eventually(leader, ...learner)
    const [, id = ''] = /Member\s+([0-9a-f]+) added to cluster/.exec(added) ?? []
    await refuse('in sync with leader', first, 'member', 'promote', id)
    await refuse('etcdserver: bad leader transferee', cluster, 'move-leader', id)
    const another = ['member', 'add', 'm7', '--peer-urls=http://127.0.0.1:2', '--learner']
    await refuse('etcdserver: too many learner members in cluster', first, ...another)
    await eventually(first, 'member', 'remove', id)
  })

  test('tells of one that is down, and of all that are up', async () => {
    const leader = await cluster.leader()
    const [down, up] = others(leader)
    if (down === undefined || up === undefined) throw new Error('there are too few members')
    await down.stop('SIGKILL')
    const health = await etcdctl(cluster, ['endpoint', 'health'])
    expect(health.exitCode).not.toBe(0)
    expect(health.errors.filter((line) => line.includes('is healthy'))).toHaveLength(2)
    expect(health.errors.filter((line) => line.includes(`${down.endpoint} is unhealthy`))).toHaveLength(1)
    const statuses = await statusOf([leader, up].map(({ endpoint }) => endpoint).join(','))
    const lead = BigInt(`0x${await memberIdOf(leader)}`).toString()
    expect(statuses.map(({ Status }) => Status.leader)).toEqual([lead, lead])
    await down.start()
  })

  test('hashes a revision alike at all members, before and after a compaction', async () => {
    const [first] = cluster.members
    if (first === undefined) throw new Error('there is no member')
    for (let n = 0; n < 20; n++) await succeed(first, 'put', 'hashed', String(n))
    const [status] = await statusOf(first.endpoint)
    const revision = Number(status?.Status.header.revision)
    const hashesAt = async (at: number): Promise<Set<string>> => {
      for (const member of cluster.members) await succeed(member, 'get', 'hashed')
      const lines = (await succeed(cluster, 'endpoint', 'hashkv', `--rev=${at}`)).trim().split('\n')
      expect(lines).toHaveLength(3)
      return new Set(lines.map((line) => line.split(', ')[1] ?? ''))
    }
    expect((await hashesAt(revision - 10)).size).toBe(1)
    await succeed(first, 'compact', String(revision - 5), '--physical')
    expect((await hashesAt(revision - 5)).size).toBe(1)
    expect((await hashesAt(revision)).size).toBe(1)
    await refuse('has been compacted', first, 'endpoint', 'hashkv', `--rev=${revision - 10}`)
  })

  test('has another leader when it removes the one that leads', async () => {
    const changing = await startCluster(3)
    try {
      const leader = await changing.leader()
      const left = changing.members.filter((member) => member !== leader)
      const [first] = left
      if (first === undefined) throw new Error('there are too few members')
      await succeed(leader, 'put', 'k', '1')
      await eventuallyRemove(first, await memberIdOf(leader))
      await eventually(first, 'put', 'k', '2')
      expect(await memberLines(first)).toEqual(left.map((one) => lineOf(one)))
      await expectSameHash(left)
    } finally {
      await changing[Symbol.asyncDispose]()
    }
  })
})

describe('a cluster of reference servers that has lost something', () => {
  let lost: Cluster
  beforeAll(async () => {
    lost = await startCluster(3, { args: ['--corrupt-check-time', '1s'] })
  })
  afterAll(async () => {
    await lost[Symbol.asyncDispose]()
  })

  test('names the member whose disk tells something else, and takes writes when that is settled', async () => {
    const leader = await lost.leader()
    const wrong = lost.members.find((member) => member !== leader)
    if (wrong === undefined) throw new Error('there are too few members')
    await succeed(leader, 'put', 'k', 'what was written')
    await succeed(wrong, 'get', 'k')
    await wrong.stop('SIGTERM')
    await tamper(join(wrong.directory, 'db-0'), 'what was written', 'what was n0t   ')
    await wrong.start({ healthy: false })
    const id = BigInt(`0x${await memberIdOf(wrong)}`).toString()
    const alarms = (): Promise<string> => succeed(leader, 'alarm', 'list')
    await expect.poll(alarms, { timeout: 20_000 }).toBe(`memberID:${id} alarm:CORRUPT \n`)
    for (const member of lost.members) await refuse('etcdserver: corrupt cluster', member, 'put', 'k', '2')
    expect(await succeed(leader, 'get', 'k')).toBe('k\nwhat was written\n')

    await eventually(leader, 'member', 'remove', await memberIdOf(wrong))
    await wrong.stop('SIGKILL')
    await rm(wrong.directory, { recursive: true })
    await eventually(leader, 'member', 'add', wrong.name, `--peer-urls=http://${wrong.peer}`)
    await wrong.start({ args: ['--join', leader.peer], healthy: false })
    await succeed(leader, 'alarm', 'disarm')
    await eventually(wrong, 'put', 'k', '2')
    await expectSameHash(lost.members)
    expect(await alarms()).toBe('')
  })

  test('begins anew from a snapshot', async () => {
    const [first] = lost.members
    if (first === undefined) throw new Error('there is no member')
    const directory = await memoryDirectory('snapshot')
    const file = join(directory, 'backup.db')
    await succeed(first, 'put', 'saved', 'yes')
    await succeed(first, 'snapshot', 'save', file)
    await succeed(first, 'put', 'saved', 'no')
    const places = await Promise.all(['r1', 'r2', 'r3'].map((name) => lost.place(name)))
    const initial = places.map(({ name, peer }) => `${name}=${peer}`).join(',')
    for (const { name, directory: home } of places) {
      await restoreOrrery(file, home, ['--name', name, '--initial-cluster', initial])
    }
    await Promise.all(places.map((one) => one.start({ args: ['--initial-cluster', initial] })))
    for (const one of places) expect(await succeed(one, 'get', 'saved')).toBe('saved\nyes\n')
    await expectSameHash(places)
    const [restored] = places
    if (restored === undefined) throw new Error('there is no member')
    expect(await memberLines(restored)).toEqual(places.map((one) => lineOf(one)))
    for (const one of places) await one.stop()
    await rm(directory, { recursive: true })
  })

  test('goes on with one member when the others are lost for good', async () => {
    const [kept, ...gone] = lost.members
    if (kept === undefined) throw new Error('there is no member')
    await succeed(kept, 'put', 'k', 'before')
    for (const member of lost.members) await member.stop('SIGKILL')
    await kept.start({ args: ['--force-new-cluster'] })
    expect(await succeed(kept, 'get', 'k')).toBe('k\nbefore\n')
    await kept.stop()
    await kept.start()
    await succeed(kept, 'put', 'k', 'after')
    expect(await memberLines(kept)).toEqual([lineOf(kept)])
    const [second] = gone
    if (second === undefined) throw new Error('there is no member')
    await rm(second.directory, { recursive: true })
    await eventually(kept, 'member', 'add', second.name, `--peer-urls=http://${second.peer}`)
    await second.start({ args: ['--join', kept.peer] })
    expect(await succeed(second, 'get', 'k')).toBe('k\nafter\n')
    await expectSameHash([kept, second])
  })
})

/** Changes what a member that is not running finds on its disk. */
async function tamper(path: string, value: string, by: string): Promise<void> {
  const backend = await openLmdbBackend({ path, environment: systemEnvironment() })
  const found: [number, number, Buffer][] = []
  backend.scan(0, 0, (main, sub, _tombstone, record) => {
    if (Buffer.from(record).includes(value)) found.push([main, sub, Buffer.from(record)])
    return true
  })
  expect(found).not.toEqual([])
  for (const [main, sub, record] of found) {
    record.write(by.padEnd(value.length), record.indexOf(value))
    backend.delete(main, sub, false)
    backend.seal(backend.durableIndex)
    await backend.flush()
    backend.put(main, sub, false, record)
  }
  backend.seal(backend.durableIndex)
  await backend.flush()
  await backend.close()
}

describe('three reference servers under load', () => {
  test('lose no answered write when the leader is killed, again and again', async () => {
    const prefix = 'kill/'
    const endpoints = cluster.members.map(({ endpoint }) => endpoint)
    const writers = new Writers({ endpoints, writers: 8, prefix })
    writers.start()
    for (let round = 0; round < 3; round++) {
      await writers.answers(300)
      const leader = await cluster.leader()
      await leader.stop('SIGKILL')
      // The others go on without it.
      await writers.answers(300)
      await leader.start()
    }
    await writers.answers(300)
    await writers.stop()
    expect(writers.failures).toBeGreaterThan(0)
    await expectHeld(writers, prefix)
  })

  test('go on while all of them are restarted, one by one', async () => {
    const prefix = 'roll/'
    const endpoints = cluster.members.map(({ endpoint }) => endpoint)
    const writers = new Writers({ endpoints, writers: 4, prefix })
    writers.start()
    for (const member of cluster.members) {
      await writers.answers(200)
      await member.stop('SIGTERM')
      await writers.answers(200)
      await member.start()
    }
    await writers.answers(200)
    await writers.stop()
    await expectHeld(writers, prefix)
  })
})
