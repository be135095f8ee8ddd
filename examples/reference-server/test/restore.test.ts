import { createWriteStream } from 'node:fs'
import { mkdtemp, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createMemoryStore, openStore } from '@orrery/store'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseCommandLine } from '../src/command-line.ts'
import { formatListenAddress } from '../src/listen-address.ts'
import { createReferenceServer } from '../src/reference-server.ts'
import { run } from '../src/run.ts'
import { freeAddress } from './free-address.ts'

let directory = ''
let snapshot = ''

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'restore-'))
  snapshot = join(directory, 'snapshot')
  await using store = createMemoryStore()
  await store.put({ key: 'hello', value: 'world' })
  await pipeline(store.snapshot(), createWriteStream(snapshot))
})

afterEach(() => rm(directory, { recursive: true }))

/** A store of one process, where no other `--listen-peer` follows. */
async function restore(
  ...args: readonly string[]
): Promise<{ code: number; printed: string; complaint: string }> {
  let printed = ''
  let complaint = ''
  const code = await run(['--listen-peer', 'off', '--restore', ...args], {
    print: (text) => (printed += text),
    complain: (text) => (complaint += text),
    stop: new AbortController().signal,
  })
  return { code, printed, complaint }
}

test('a snapshot becomes a data directory with the same keys and revisions', async () => {
  const dataDir = join(directory, 'data')
  expect(await restore(snapshot, '--data-dir', dataDir)).toEqual({
    code: 0,
    printed: `restored into ${dataDir}\nstart it with --listen-peer off\n`,
    complaint: '',
  })
  await using store = await openStore({ directory: dataDir })
  const found = await store.get('hello')
  expect(found).toMatchObject({ modRevision: 2, version: 1 })
  expect(Buffer.from(found?.value ?? []).toString()).toBe('world')
})

test('members that are restored from one snapshot are a new cluster with the old data', async () => {
  const names = ['a', 'b', 'c']
  const addresses = await Promise.all(names.map(() => freeAddress()))
  const members = names.map((name, n) => `${name}=${formatListenAddress(addresses[n] ?? 'off')}`).join(',')
  const argsOf = (name: string): string[] => [
    ...['--name', name, '--data-dir', join(directory, name)],
    ...['--initial-cluster', members, '--initial-cluster-token', 'again'],
  ]
  for (const name of names) {
    const restored = await restore(snapshot, ...argsOf(name), '--listen-peer', '127.0.0.1:2380')
    expect(restored).toMatchObject({
      code: 0,
      printed: `restored into ${join(directory, name)}\nrestore its other members too, then start them all\n`,
    })
  }
  const servers = names.map((name, n) => {
    const listen = formatListenAddress(addresses[n] ?? 'off')
    const flags = ['--listen-peer', listen, '--listen-client', '127.0.0.1:0', '--log-level', 'silent']
    const registry = ['--listen-eureka', '127.0.0.1:0', '--listen-http', '127.0.0.1:0']
    const command = parseCommandLine([...argsOf(name), ...flags, ...registry])
    if (command.type !== 'serve') throw new Error('not a server')
    return createReferenceServer(command.options)
  })
  try {
    await Promise.all(servers.map((server) => server.start()))
    const answers = await Promise.all(
      servers.map(async ({ endpoints }) => {
        const body = JSON.stringify({ key: Buffer.from('hello').toString('base64') })
        const response = await fetch(`${endpoints.client ?? ''}/v3/kv/range`, { method: 'POST', body })
        return (await response.json()) as { header: { cluster_id: string }; kvs: unknown }
      }),
    )
    const world = { value: Buffer.from('world').toString('base64'), mod_revision: '2' }
    for (const { kvs } of answers) expect(kvs).toMatchObject([world])
    expect(new Set(answers.map(({ header }) => header.cluster_id)).size).toBe(1)
  } finally {
    await Promise.all(servers.map((server) => server.close()))
  }
})

test('an existing data directory is not overwritten', async () => {
  const dataDir = join(directory, 'data')
  await restore(snapshot, '--data-dir', dataDir)
  const again = await restore(snapshot, '--data-dir', dataDir)
  expect(again.code).toBe(1)
  expect(again.complaint).toContain(`${dataDir} holds a store already`)
})

test('a missing or damaged snapshot is one line, and leaves nothing behind', async () => {
  const dataDir = join(directory, 'data')
  const missing = await restore(join(directory, 'nowhere'), '--data-dir', dataDir)
  expect(missing.code).toBe(1)
  expect(missing.complaint).toMatch(/^orrery: --restore: ENOENT.*\n$/)
  await truncate(snapshot, 40)
  const damaged = await restore(snapshot, '--data-dir', dataDir)
  expect(damaged.code).toBe(1)
  expect(damaged.complaint).toContain('it ends early')
  await truncate(snapshot, 0)
  expect((await restore(snapshot, '--data-dir', dataDir)).code).toBe(1)
})

test('a store in memory cannot be restored into', async () => {
  const refused = await restore(snapshot, '--memory')
  expect(refused.code).toBe(2)
  expect(refused.complaint).toContain('--memory')
})
