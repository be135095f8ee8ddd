import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, type ClusterMember, startCluster, statusOf } from '../servers/cluster.ts'
import { etcdctl } from '../servers/etcdctl.ts'
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
  const deadline = AbortSignal.timeout(patienceMs)
  for (;;) {
    const { exitCode, stdout, errors } = await etcdctl(at, args)
    if (exitCode === 0) return stdout
    if (deadline.aborted) throw new Error(`etcdctl ${args.join(' ')} goes on to fail: ${errors.join('; ')}`)
  }
}

async function memberIdOf({ endpoint }: ClusterMember): Promise<string> {
  const [status] = await statusOf(endpoint)
  return BigInt(status?.Status.header.member_id ?? 0).toString(16)
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
    expect(await memberLines(first)).toContain(lineOf(fourth, true))
    const isLearner = async (): Promise<unknown> => (await statusOf(fourth.endpoint))[0]?.Status.isLearner
    await expect.poll(isLearner, { timeout: 10_000 }).toBe(true)

    expect(await eventually(first, 'member', 'promote', id)).toContain(`Member `)
    expect(await memberLines(first)).toContain(lineOf(fourth))
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
