import { createWriteStream } from 'node:fs'
import { mkdtemp, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createMemoryStore, openStore } from '@orrery/store'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { run } from '../src/run.ts'

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

async function restore(
  ...args: readonly string[]
): Promise<{ code: number; printed: string; complaint: string }> {
  let printed = ''
  let complaint = ''
  const code = await run(['--restore', ...args], {
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
