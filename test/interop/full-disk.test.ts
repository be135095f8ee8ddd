import { execFile } from 'node:child_process'
import { mkdtemp, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Answer, connect, type Endpoint, type Method, methods } from './differential/endpoint.ts'
import { codecOf } from './differential/schema.ts'
import type { Fields } from './differential/wire.ts'
import type { EtcdLikeServer } from './servers/etcd.ts'
import { startOrrery } from './servers/orrery.ts'

const run = promisify(execFile)

const unavailable = 14

let mountPoint: string

beforeEach(async () => {
  mountPoint = await mkdtemp(join(tmpdir(), 'orrery-full-disk-'))
  // Needs root: a test that cannot fill a disk must not pass.
  await run('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'orrery-test', mountPoint])
})

afterEach(async () => {
  await run('umount', ['--lazy', mountPoint])
  await rmdir(mountPoint)
})

function resize(size: string): Promise<unknown> {
  return run('mount', ['-o', `remount,size=${size}`, mountPoint])
}

function call(endpoint: Endpoint, method: Method, fields: Fields): Promise<Answer> {
  return endpoint.unary(method, codecOf(`${methods[method].message}Request`).encode(fields))
}

const keyOf = (n: number): Buffer => Buffer.from(`key/${String(n).padStart(6, '0')}`)
const valueOf = (n: number, bytes: number): Buffer => Buffer.alloc(bytes, `${n} `)

interface Load {
  readonly valueBytes: number
  /** Writes in flight. */
  readonly atOnce: number
}

/** Writes keys 0, 1, … until some are refused. */
async function fill(
  endpoint: Endpoint,
  { valueBytes, atOnce }: Load,
): Promise<{ readonly acknowledged: readonly number[]; readonly refusals: readonly Answer[] }> {
  const acknowledged: number[] = []
  const refusals: Answer[] = []
  let next = 0
  const write = async (): Promise<void> => {
    while (refusals.length === 0) {
      const n = next++
      const answer = await call(endpoint, 'Put', { key: keyOf(n), value: valueOf(n, valueBytes) })
      if (answer.code === 0) acknowledged.push(n)
      else refusals.push(answer)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, write))
  return { acknowledged, refusals }
}

/** Those of some keys that are missing or have another value. */
async function missing(
  endpoint: Endpoint,
  { keys, valueBytes, serializable }: { keys: readonly number[]; valueBytes: number; serializable: boolean },
): Promise<readonly number[]> {
  const lost: number[] = []
  for (const n of keys) {
    const answer = await call(endpoint, 'Range', { key: keyOf(n), serializable })
    if (!('response' in answer)) throw new Error(answer.message)
    const [kv] = (answer.response['kvs'] ?? []) as { readonly value: string }[]
    if (kv?.value !== valueOf(n, valueBytes).toString('base64')) lost.push(n)
  }
  return lost
}

async function withServer<T>(
  work: (server: EtcdLikeServer, endpoint: Endpoint) => Promise<T>,
  healthy = true,
): Promise<T> {
  await using server = await startOrrery({ directory: join(mountPoint, 'data'), healthy })
  const endpoint = connect(server.name, server.endpoint)
  try {
    return await work(server, endpoint)
  } finally {
    endpoint.close()
    await server.stop()
  }
}

describe('a server whose disk is full', () => {
  test.each<Load>([
    { valueBytes: 40_000, atOnce: 1 },
    { valueBytes: 1_000_000, atOnce: 16 },
  ])('says so, serves reads, and has lost nothing once there is space again: %j', async (load) => {
    const { valueBytes } = load
    const keys = await withServer(async (server, endpoint) => {
      const { acknowledged, refusals } = await fill(endpoint, load)
      for (const refusal of refusals) expect(refusal).toMatchObject({ code: unavailable })
      expect(acknowledged.length * valueBytes).toBeGreaterThan(4_000_000)
      expect(server.process.output()).toMatch(/DISK_FULL|ENOSPC|no space/i)
      const health = await fetch(`${server.url}/health`)
      expect([health.status, await health.json()]).toEqual([503, { health: 'false', reason: 'STORE FAILED' }])
      for (const serializable of [false, true]) {
        expect(await missing(endpoint, { keys: acknowledged, valueBytes, serializable })).toEqual([])
      }
      expect(await call(endpoint, 'DeleteRange', { key: keyOf(0) })).toMatchObject({ code: unavailable })
      return acknowledged
    })

    await resize('400m')
    await withServer(async (_server, endpoint) => {
      expect(await missing(endpoint, { keys, valueBytes, serializable: false })).toEqual([])
      expect(await call(endpoint, 'Put', { key: keyOf(0) })).toMatchObject({ code: 0 })
    })
  })

  test('serves what it holds when it is started again on the full disk', async () => {
    const load: Load = { valueBytes: 40_000, atOnce: 1 }
    const { acknowledged } = await withServer((_server, endpoint) => fill(endpoint, load))
    await withServer(async (_server, endpoint) => {
      expect(await missing(endpoint, { ...load, keys: acknowledged, serializable: false })).toEqual([])
    }, false)
  })
})
