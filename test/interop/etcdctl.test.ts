import { createHash } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type EtcdLikeServer, memoryDirectory, startEtcd } from './servers/etcd.ts'
import { etcdctl, startEtcdctl } from './servers/etcdctl.ts'
import { grpcServerKinds, restoreOrrery, startOrrery } from './servers/orrery.ts'

let etcd: EtcdLikeServer
let orrery: EtcdLikeServer
let directory: string

describe.each(grpcServerKinds)('with gRPC served by %s', (grpcServer) => {
  beforeAll(async () => {
    ;[etcd, orrery, directory] = await Promise.all([
      startEtcd(),
      startOrrery({ grpcServer }),
      memoryDirectory('etcdctl'),
    ])
  })

  afterAll(async () => {
    await Promise.all([etcd[Symbol.asyncDispose](), orrery[Symbol.asyncDispose]()])
    await rm(directory, { recursive: true, force: true })
  })

  /**
   * What differs between any two clusters: identifiers, and the terms and ids that follow from them. Decimal ones go
   * first, as one of 16 digits would pass for hexadecimal; those may be short, as etcdctl prints no leading zeros.
   */
  function withoutIdentity(text: string): string {
    return text
      .replaceAll(/"(cluster_id|member_id|raft_term|ID|id)":\d+/g, '"$1":0')
      .replaceAll(/"(ClusterID|MemberID|RaftTerm|Lease|ID)" : \d+/g, '"$1" : 0')
      .replaceAll(/\b[0-9a-f]{12,16}\b/g, '<id>')
  }

  /** A command, with what is typed into it. */
  type Line = readonly [command: string, input?: string]

  /** Runs commands one after the other and writes down what a person would see. */
  async function transcript(server: EtcdLikeServer, lines: readonly Line[]): Promise<readonly string[]> {
    const seen: string[] = []
    for (const [command, input] of lines) {
      const { exitCode, stdout, errors } = await etcdctl(server, command.split(' '), input)
      seen.push(withoutIdentity(`$ ${command}\n${stdout}${errors.join('\n')}[${exitCode}]`))
    }
    return seen
  }

  async function expectSame(lines: readonly Line[]): Promise<void> {
    const [expected, actual] = await Promise.all([transcript(etcd, lines), transcript(orrery, lines)])
    expect(actual).toEqual(expected)
  }

  /** The lease id that a grant on this server has chosen. */
  async function grant(server: EtcdLikeServer, ttlSeconds: number): Promise<string> {
    const { stdout } = await etcdctl(server, ['lease', 'grant', String(ttlSeconds)])
    const id = /lease ([0-9a-f]+) granted/.exec(stdout)?.[1]
    if (id === undefined) throw new Error(`no lease was granted: ${stdout}`)
    return id
  }

  /** The checksum over all keys and their history. */
  async function hashOf(server: EtcdLikeServer): Promise<unknown> {
    const { stdout } = await etcdctl(server, ['endpoint', 'hashkv', '-w', 'json'])
    const [hashed] = JSON.parse(stdout) as { readonly HashKV: { readonly hash: number } }[]
    return hashed?.HashKV.hash
  }

  /** What `get` prints as soon as the key exists. */
  async function eventually(server: EtcdLikeServer, key: string): Promise<string> {
    for (;;) {
      const { stdout } = await etcdctl(server, ['get', key])
      if (stdout !== '') return stdout
    }
  }

  /** Runs one story on both servers and compares what it returns. */
  async function expectSameStory(story: (server: EtcdLikeServer) => Promise<unknown>): Promise<void> {
    const [expected, actual] = await Promise.all([story(etcd), story(orrery)])
    expect(actual).toEqual(expected)
  }

  describe('etcdctl prints the same as with a real etcd', () => {
    test('put', () =>
      expectSame([
        ['put a 1'],
        ['put a 2 --prev-kv'],
        ['put a --ignore-value'],
        ['put a 3 --ignore-lease'],
        ['put missing --ignore-value'],
        ['put b 1 -w json'],
        ['put b 2 -w fields --prev-kv'],
        ['put b 2 --lease=12345'],
        ['put from-input', 'typed'],
      ]))

    test('get', () =>
      expectSame([
        ...['x/1', 'x/2', 'x/3', 'x/10', 'y'].map((key): Line => [`put ${key} v-${key}`]),
        ['get x/1'],
        ['get x/ --prefix'],
        ['get x/ --prefix --keys-only'],
        ['get x/ --prefix --print-value-only'],
        ['get x/ --prefix --limit=2'],
        ['get x/ --prefix --order=DESCEND --sort-by=KEY'],
        ['get x/ --prefix --order=DESCEND --sort-by=MODIFY'],
        ['get x/ --prefix --order=ASCEND --sort-by=VALUE'],
        ['get x/ --prefix --sort-by=VERSION'],
        ['get x/ --prefix --sort-by=CREATE --limit=1'],
        ['get x/1 x/3'],
        ['get x --from-key'],
        ['get x/ --prefix -w json'],
        ['get x/ --prefix -w fields'],
        ['get x/1 --hex'],
        ['get x/ --prefix --count-only -w fields'],
        ['get x/ --prefix --consistency=s'],
        ['get x/1 --rev=2'],
        ['get x/1 --rev=100000'],
        ['get nothing'],
      ]))

    test('del', () =>
      expectSame([
        ...['d/1', 'd/2', 'd/3', 'e'].map((key): Line => [`put ${key} 1`]),
        ['del d/1 --prev-kv'],
        ['del d/1'],
        ['del d/ --prefix --prev-kv'],
        ['del d e~'],
        ['del zzz --from-key'],
      ]))

    test('txn, read from standard input', () =>
      expectSame([
        ['put t 1'],
        ['txn', 'value("t") = "1"\nmod("t") > "0"\n\nput t 2\nget t\n\nput t 3\n'],
        ['txn', 'value("t") = "1"\n\nput t 5\n\nget t\ndel t --prev-kv\n'],
        ['txn -w json', 'create("t") = "0"\nversion("t") = "0"\n\nput t 6\nput u 7\n\nget t\n'],
        ['txn', '\nput t 1\nput t 2\n\n'],
        ['txn', 'ver("t") < "9"\n\nget t --prefix\n\n\n'],
      ]))

    test('compaction', () =>
      expectSame([
        ...['1', '2', '3'].map((value): Line => [`put c ${value}`]),
        ['compaction 5'],
        ['compaction 5'],
        ['compaction 6 --physical'],
        ['compaction 99999'],
        ['get c --rev=2'],
      ]))

    test('alarm, move-leader, version', () =>
      expectSame([['alarm list'], ['alarm disarm'], ['move-leader 1234'], ['version']]))

    test('changes of a member that does not exist', () =>
      expectSame([
        ['member remove 1234'],
        ['member update 1234 --peer-urls=http://127.0.0.1:1'],
        ['member promote 1234'],
      ]))

    test('elect and lock hold their key while they run, and remove it at the end', () =>
      expectSameStory(async (server) => {
        const lock = startEtcdctl(server, ['lock', 'mutex'])
        await lock.until('mutex/')
        const waiting = startEtcdctl(server, ['lock', 'mutex'])
        const held = await etcdctl(server, ['get', 'mutex', '--prefix', '--keys-only'])
        await lock.stop()
        await waiting.until('mutex/')
        await waiting.stop()
        const free = await etcdctl(server, ['get', 'mutex', '--prefix', '--keys-only'])
        const ran = await etcdctl(server, [
          'lock',
          'mutex',
          'sh',
          '-c',
          'echo rev=$ETCD_LOCK_REV | cut -c1-4',
        ])

        const listener = startEtcdctl(server, ['elect', '-l', 'poll'])
        const leader = startEtcdctl(server, ['elect', 'poll', 'me'])
        await leader.until('me')
        await listener.until('me')
        await listener.stop()
        const resigned = await leader.stop()
        return [
          lock.output(),
          held.stdout.includes('mutex/'),
          free.stdout,
          ran,
          listener.output(),
          resigned.stdout,
        ].map((each) => withoutIdentity(JSON.stringify(each)))
      }))

    test('lease grant, timetolive, list, keep-alive, revoke', () =>
      expectSameStory(async (server) => {
        const id = await grant(server, 100)
        const commands = [
          `put leased 1 --lease=${id}`,
          `lease timetolive ${id} --keys`,
          `lease timetolive ${id} -w json --keys`,
          `lease keep-alive --once ${id}`,
          'lease list',
          `lease revoke ${id}`,
          'get leased',
          `lease revoke ${id}`,
          `lease timetolive ${id}`,
          `lease keep-alive --once ${id}`,
          'lease grant 1',
          'lease grant 9000000001',
        ]
        const seen: string[] = []
        for (const command of commands) {
          const { exitCode, stdout, errors } = await etcdctl(server, command.split(' '))
          const text = `$ ${command}\n${stdout}${errors.join('\n')}[${exitCode}]`
          seen.push(
            withoutIdentity(text.replaceAll(id, '<lease>'))
              .replaceAll(/remaining\(\d+s\)/g, 'remaining(<s>)')
              .replaceAll(/"ttl":\d+/g, '"ttl":0'),
          )
        }
        return seen
      }))

    test('a lease that nobody renews takes its keys along, and keep-alive prevents that', () =>
      expectSameStory(async (server) => {
        const [dying, living] = [await grant(server, 5), await grant(server, 5)]
        const watch = startEtcdctl(server, ['watch', 'mortal', '--prefix'])
        const renewing = startEtcdctl(server, ['lease', 'keep-alive', living])
        await renewing.until('keepalived')
        await etcdctl(server, ['put', 'mortal/living', '1', `--lease=${living}`])
        await etcdctl(server, ['put', 'mortal/dying', '1', `--lease=${dying}`])
        await watch.until('DELETE\nmortal/dying\n\n')
        await renewing.stop()
        await watch.stop()
        // Its end would be a revision in the middle of another test.
        await etcdctl(server, ['lease', 'revoke', living])
        return watch.output().slice(watch.output().indexOf('DELETE'))
      }))

    test('watch: from now, from the past, ranges, previous values, compacted', () =>
      expectSameStory(async (server) => {
        const { stdout } = await etcdctl(server, ['put', 'w/0', '0', '-w', 'json'])
        const start = Number(/"revision":(\d+)/.exec(stdout)?.[1])
        const watches = [
          ['watch', 'w/1', `--rev=${start}`],
          ['watch', 'w/', '--prefix', '--prev-kv', `--rev=${start}`],
          ['watch', 'w/1', 'w/3', `--rev=${start}`],
          ['watch', 'w/', '--prefix', `--rev=${start}`, '-w', 'fields'],
        ].map((args) => startEtcdctl(server, args))
        for (const value of ['a', 'b']) {
          for (const key of ['w/1', 'w/2', 'w/4']) await etcdctl(server, ['put', key, value])
        }
        await etcdctl(server, ['del', 'w/', '--prefix'])
        for (const key of ['w/1', 'w/2']) await etcdctl(server, ['put', key, 'last'])
        const seen: string[] = []
        for (const watch of watches) {
          await watch.until('last')
          await watch.stop()
          seen.push(watch.output().split('last')[0] ?? '')
        }
        await etcdctl(server, ['compaction', String(start + 3)])
        const compacted = await etcdctl(server, ['watch', 'w/1', `--rev=${start}`])
        // How many events share a response, and so a header, is a matter of timing.
        const headers = /^"(ClusterID|MemberID|Revision|RaftTerm)" : \d+\n/gm
        return [...seen.map((text) => text.replaceAll(headers, '')), compacted]
      }))

    test('watch, driven interactively, and running a command for each event', () =>
      expectSameStory(async (server) => {
        const interactive = startEtcdctl(server, ['watch', '-i'])
        interactive.type('watch i/1')
        interactive.type('watch i/ --prefix')
        interactive.type('progress')
        await interactive.until('progress notify')
        const exec = startEtcdctl(server, [
          'watch',
          'i/2',
          '--',
          'sh',
          '-c',
          'echo $ETCD_WATCH_EVENT_TYPE $ETCD_WATCH_KEY',
        ])
        // The second watch of the stream exists when its first event comes.
        while (!exec.output().includes('i/2')) await etcdctl(server, ['put', 'i/2', 'x'])
        await interactive.until('i/2')
        await exec.until('"i/2"')
        await interactive.stop()
        await exec.stop()
        return [
          interactive.output().split('\nPUT')[0]?.replaceAll(/\d+/g, 'N'),
          exec.output().split('\n').slice(0, 4),
        ]
      }))

    test('watch goes on from where it was when the server restarts', async () => {
      const data = join(directory, 'restarted')
      await using first = await startOrrery({ grpcServer, directory: data })
      const port = Number(first.endpoint.split(':')[1])
      const watch = startEtcdctl(first, ['watch', 'r', '--prefix', '--rev=1'])
      await etcdctl(first, ['put', 'r/1', 'before'])
      await watch.until('before')
      await first.stop('SIGKILL')
      await using second = await startOrrery({ grpcServer, directory: data, port })
      await etcdctl(second, ['put', 'r/2', 'after'])
      await watch.until('after')
      await watch.stop()
      expect(watch.output()).toBe('PUT\nr/1\nbefore\nPUT\nr/2\nafter\n')
    })

    test('endpoint status and hashkv: the same shape, and the same hash for the same history', () =>
      expectSameStory(async (server) => {
        const status = await etcdctl(server, ['endpoint', 'status', '-w', 'json'])
        const [first] = JSON.parse(status.stdout) as { readonly Status: Readonly<Record<string, unknown>> }[]
        const hash = await etcdctl(server, ['endpoint', 'hashkv', '-w', 'json'])
        const [hashed] = JSON.parse(hash.stdout) as {
          readonly HashKV: { readonly compact_revision: number }
        }[]
        const health = await etcdctl(server, ['endpoint', 'health'])
        const defrag = await etcdctl(server, ['defrag'])
        const members = await etcdctl(server, ['member', 'list', '-w', 'json'])
        const list = JSON.parse(members.stdout) as {
          readonly members: readonly Readonly<Record<string, unknown>>[]
        }
        const version30 = ['dbSize', 'header', 'leader', 'raftIndex', 'raftTerm', 'version']
        return [
          version30.filter((field) => !(field in (first?.Status ?? {}))),
          typeof hashed?.HashKV.compact_revision,
          [
            health.exitCode,
            health.errors
              .concat(health.stdout)
              .join('')
              .replace(/took.*/, '')
              .replace(/.*is/, ''),
          ],
          list.members.map(({ name }) => name),
          [defrag.exitCode, defrag.stdout.replace(server.endpoint, '')],
        ]
      }))

    test('snapshot save writes a file that Orrery restores: same keys, revisions and history', async () => {
      const file = join(directory, 'snapshot.db')
      await etcdctl(orrery, ['put', 'saved', 'in the snapshot'])
      expect(await etcdctl(orrery, ['snapshot', 'save', file])).toMatchObject({ exitCode: 0, errors: [] })
      const content = await readFile(file)
      const checksum = createHash('sha256').update(content.subarray(0, -32)).digest()
      expect(checksum.equals(content.subarray(-32))).toBe(true)

      const restored = join(directory, 'restored')
      await restoreOrrery(file, restored)
      await using copy = await startOrrery({ grpcServer, directory: restored })
      const hashes = await Promise.all([orrery, copy].map((server) => hashOf(server)))
      expect(hashes[1]).toEqual(hashes[0])
      expect((await etcdctl(copy, ['get', 'saved'])).stdout).toBe('saved\nin the snapshot\n')
    })

    test.each([
      ['from Orrery to etcd', () => [orrery, etcd] as const],
      ['from etcd to Orrery', () => [etcd, orrery] as const],
    ])('make-mirror copies %s', async (name, servers) => {
      const [from, to] = servers()
      const prefix = `mirror ${name}/`
      await etcdctl(from, ['put', `${prefix}old`, '1'])
      const mirror = startEtcdctl(from, ['make-mirror', '--prefix', prefix, '--no-dest-prefix', to.endpoint])
      expect(await eventually(to, 'old')).toBe('old\n1\n')
      await etcdctl(from, ['put', `${prefix}new`, '2'])
      expect(await eventually(to, 'new')).toBe('new\n2\n')
      await mirror.stop('SIGKILL')
      for (const key of ['old', 'new']) await etcdctl(to, ['del', key])
    })

    // It takes a minute, and is about the store behind the server: once is enough.
    test.runIf(grpcServer === 'fast')('check datascale and check perf run to their end', async () => {
      const scale = await etcdctl(orrery, ['check', 'datascale', '--load=s', '--prefix=/scale/'])
      expect(scale.stdout).toContain('PASS')
      const perf = await etcdctl(orrery, ['check', 'perf', '--load=s', '--prefix=/perf/'])
      expect(perf.stdout).toMatch(/Throughput/)
      expect(perf.stdout).not.toContain('error')
    })
  })
})

// As etcdctl writes it where it asks members for each other's endpoints. Node's own HTTP/2 refuses such an authority.
test('endpoints may be given with their scheme, and asked of the cluster', async () => {
  await using server = await startOrrery({ grpcServer: 'fast' })
  const named = { endpoint: server.url }
  for (const args of [
    ['endpoint', 'status'],
    ['endpoint', 'status', '--cluster'],
    ['put', 'a', 'b'],
  ]) {
    expect(await etcdctl(named, args)).toMatchObject({ exitCode: 0 })
  }
})
