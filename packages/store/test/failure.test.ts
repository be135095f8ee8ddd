import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { createManualEnvironment } from '@orrery/environment/testing'
import { systemEnvironment } from '@orrery/environment/system'
import { openLmdbBackend } from '@orrery/mvcc-lmdb'
import { openStore, restoreSnapshot, type Store } from '@orrery/store'
import { createSimulatedDisk, type SimulatedDisk, type SimulatedDiskOptions } from '@orrery/wal/testing'
import { describe, expect, test } from 'vitest'
import { createMemoryLog } from '../src/memory-log.ts'
import { createStoreBackend } from '../src/memory-store.ts'
import { openStoreOn } from '../src/open-store.ts'
import { storeDefaults } from '../src/options.ts'
import type { StoreBackend } from '../src/ports.ts'
import { StateMachine } from '../src/state-machine.ts'
import { StoreCore } from '../src/store-core.ts'
import { StoreEngine } from '../src/store-engine.ts'
import { closedLater, errorOf, freshPath, nextTurns, stillEnvironment } from './support.ts'

const damaged = { code: 'STORE_DAMAGED' }
const failed = { code: 'STORE_FAILED' }

/** A directory that holds a store with a few keys, closed. */
async function filled(): Promise<string> {
  const directory = freshPath()
  await using store = await openStore({ directory })
  for (let n = 0; n < 20; n++) await store.put({ key: `k${n}`, value: `precious ${n}` })
  return directory
}

function startProcess(directory: string): {
  readonly child: ChildProcessByStdio<null, Readable, null>
  readonly lines: AsyncIterator<string>
} {
  const program = fileURLToPath(new URL('./store-process.ts', import.meta.url))
  const args = ['--conditions=@orrery/source', '--import', 'tsx', program, directory]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator]() }
}

describe('a directory', () => {
  test('is created for its owner alone', async () => {
    const directory = join(freshPath(), 'deep', 'store')
    closedLater(await openStore({ directory }))
    for (const path of [directory, join(directory, 'db'), join(directory, 'wal')]) {
      expect(statSync(path).mode & 0o077).toBe(0)
    }
  })

  test('is open in one store at a time', async () => {
    const directory = freshPath()
    const store = await openStore({ directory })
    expect(await errorOf(openStore({ directory }))).toMatchObject({ code: 'STORE_LOCKED' })
    await store.put({ key: 'a' })
    await store.close()
    closedLater(await openStore({ directory }))
  })

  test('is locked against other processes, until they die; what they were answered is there', async () => {
    const directory = freshPath()
    const { child, lines } = startProcess(directory)
    expect((await lines.next()).value).toBe('open')
    expect(await errorOf(openStore({ directory }))).toMatchObject({ code: 'STORE_LOCKED' })
    let answered = 0
    while (answered < 50) answered = Number((await lines.next()).value)
    child.kill('SIGKILL')
    await once(child, 'exit')
    for (let next = await lines.next(); next.done !== true; next = await lines.next()) {
      answered = Number(next.value)
    }
    const store = closedLater(await openStore({ directory }))
    const found = Number(Buffer.from((await store.get('n'))?.value ?? []).toString())
    expect(found).toBeGreaterThanOrEqual(answered)
    expect(found).toBeLessThanOrEqual(answered + 1)
  })

  test('that cannot be opened leaves nothing locked', async () => {
    const directory = await filled()
    renameSync(join(directory, 'wal'), join(directory, 'away'))
    expect(await errorOf(openStore({ directory }))).toMatchObject(damaged)
    rmSync(join(directory, 'wal'), { recursive: true, force: true })
    renameSync(join(directory, 'away'), join(directory, 'wal'))
    closedLater(await openStore({ directory }))
  })

  test('that is a file is refused', async () => {
    const directory = freshPath()
    writeFileSync(directory, 'a file')
    expect(await errorOf(openStore({ directory }))).toMatchObject(failed)
  })

  test('is not touched when an option is out of range', async () => {
    const directory = freshPath()
    const error = await errorOf(openStore({ directory }, { txnMaxOps: 0 }))
    expect(error).toMatchObject({ code: 'STORE_OPTIONS_INVALID' })
    expect(() => statSync(directory)).toThrow('ENOENT')
  })
})

describe('damage is found when the store is opened:', () => {
  test('a byte of the log', async () => {
    const directory = await filled()
    const [name = ''] = readdirSync(join(directory, 'wal')).filter((file) => file.endsWith('.wal'))
    const path = join(directory, 'wal', name)
    const bytes = readFileSync(path)
    const at = bytes.indexOf('precious 3')
    expect(at).toBeGreaterThan(0)
    bytes[at] = (bytes[at] ?? 0) ^ 1
    writeFileSync(path, bytes)
    expect(await errorOf(openStore({ directory }))).toMatchObject(damaged)
  })

  test('a log that is missing', async () => {
    const directory = await filled()
    rmSync(join(directory, 'wal'), { recursive: true })
    expect(await errorOf(openStore({ directory }))).toMatchObject(damaged)
  })

  test('a log of another store', async () => {
    const directory = await filled()
    const other = await filled()
    rmSync(join(directory, 'wal'), { recursive: true })
    renameSync(join(other, 'wal'), join(directory, 'wal'))
    const error = await errorOf(openStore({ directory }))
    expect(error).toMatchObject(damaged)
    expect(String(error)).toContain('different stores')
  })

  test('a backend that ends early', async () => {
    const directory = await filled()
    const path = join(directory, 'db', 'data.mdb')
    truncateSync(path, Math.floor(statSync(path).size / 2 / 4_096) * 4_096)
    expect(await errorOf(openStore({ directory }))).toMatchObject(damaged)
  })

  test('a backend that is something else', async () => {
    const directory = await filled()
    writeFileSync(join(directory, 'db', 'data.mdb'), Buffer.alloc(65_536, 'x'))
    expect(await errorOf(openStore({ directory }))).toMatchObject(damaged)
  })

  test('a snapshot that was restored in part', async () => {
    const directory = await filled()
    const environment = systemEnvironment()
    const backend = await openLmdbBackend({ path: join(directory, 'db'), environment })
    backend.setMeta('store/incomplete', new Uint8Array(1))
    backend.seal(backend.durableIndex)
    await backend.flush()
    await backend.close()
    expect(await errorOf(openStore({ directory }))).toMatchObject(damaged)
  })

  test('a backend that is lost, when the log goes on from a snapshot', async () => {
    const directory = freshPath()
    {
      await using store = await openStore({ directory: await filled() })
      await restoreSnapshot(store.snapshot(), { directory })
    }
    const store = await openStore({ directory })
    await store.put({ key: 'later', value: 'x' })
    await store.close()
    rmSync(join(directory, 'db'), { recursive: true })
    expect(await errorOf(openStore({ directory }))).toMatchObject(damaged)
  })

  test('but a backend that is lost is built again from a log that is whole', async () => {
    const directory = await filled()
    rmSync(join(directory, 'db'), { recursive: true })
    const store = closedLater(await openStore({ directory }))
    expect(store.status().keys).toBe(20)
  })
})

async function openOnSimulatedDisk(
  options: SimulatedDiskOptions,
  directory = freshPath(),
): Promise<{ store: Store; disk: SimulatedDisk; directory: string }> {
  mkdirSync(directory)
  const disk = createSimulatedDisk(options)
  const store = await openStoreOn({ directory, environment: stillEnvironment(), disk })
  return { store: closedLater(store), disk, directory }
}

describe('a disk that fails', () => {
  test.each([
    ['a sync fails', 'sync', 'EIO'],
    ['a write fails', 'write', 'EIO'],
    ['the disk is full', 'write', 'ENOSPC'],
  ])('when %s, writes are refused and reads are served', async (_, type, errno) => {
    let broken = false
    const { store, disk, directory } = await openOnSimulatedDisk({
      fault: (operation) => (broken && operation.type === type ? { type: 'error', errno } : undefined),
    })
    const { id } = await store.leases.grant({ ttlMs: 60_000 })
    await store.put({ key: 'a', value: '1', lease: id })
    await using watch = store.watch({ key: 'a' })
    const hash = await store.hashKv()
    broken = true
    const writes = [
      store.put({ key: 'a', value: '2' }),
      store.leases.revoke(id),
      store.compact({ revision: 1 }),
    ]
    for (const write of writes) expect(await errorOf(write)).toMatchObject(failed)
    expect(store.status()).toMatchObject({ state: 'failed', revision: 2 })

    expect(await errorOf(store.put({ key: 'b' }))).toMatchObject(failed)
    expect(await errorOf(store.txn({ success: [{ type: 'deleteRange', key: 'a' }] }))).toMatchObject(failed)
    expect(await errorOf(store.leases.grant({ ttlMs: 5_000 }))).toMatchObject(failed)
    expect(await errorOf(store.alarms.activate({ memberId: 0n, type: 'noSpace' }))).toMatchObject(failed)
    expect(await errorOf(store.flush())).toMatchObject(failed)
    expect(Buffer.from((await store.get('a'))?.value ?? []).toString()).toBe('1')
    expect(await store.hashKv()).toEqual(hash)
    expect(await store.leases.list()).toEqual([id])
    expect((await store.txn({ success: [{ type: 'range', key: 'a' }] })).succeeded).toBe(true)

    const waiting = watch[Symbol.asyncIterator]().next()
    const [ended] = await Promise.all([errorOf(waiting), store.close()])
    expect(ended).toMatchObject({ code: 'STORE_CLOSED' })
    expect(store.status().state).toBe('closed')

    const again = closedLater(
      await openStoreOn({ directory, environment: stillEnvironment(), disk: disk.kill() }),
    )
    expect(again.status().revision).toBeGreaterThanOrEqual(2)
    await again.put({ key: 'a', value: '3' })
  })

  test('and one that stands still lets no more wait than fits into memory', async () => {
    const held: (() => void)[] = []
    let stalled = false
    const { store } = await openOnSimulatedDisk({
      schedule: (run) => {
        if (stalled) held.push(run)
        else queueMicrotask(run)
      },
    })
    stalled = true
    const value = new Uint8Array(1_000_000)
    const writes = Array.from({ length: 100 }, (_, n) => store.put({ key: `k${n}`, value }))
    const settling = Promise.allSettled(writes)
    expect(await errorOf(store.put({ key: 'late', value }))).toMatchObject({
      code: 'STORE_TOO_MANY_REQUESTS',
    })
    expect(store.status()).toMatchObject({ state: 'open', keys: 0 })
    stalled = false
    for (const run of held.splice(0)) run()
    const answered = (await settling).filter(({ status }) => status === 'fulfilled').length
    expect(answered).toBeGreaterThan(10)
    expect(store.status().keys).toBe(answered)
    await store.put({ key: 'late', value })
  })

  test('while the store is opened, it is a failure to open it', async () => {
    const directory = freshPath()
    mkdirSync(directory)
    let closed = 0
    const disk = createSimulatedDisk({
      fault: ({ type }) => (type === 'sync' ? { type: 'error', errno: 'EIO' } : undefined),
    })
    const close = disk.close.bind(disk)
    disk.close = () => {
      closed++
      return close()
    }
    const opening = openStoreOn({ directory, environment: stillEnvironment(), disk })
    expect(await errorOf(opening)).toMatchObject(failed)
    expect(closed).toBe(1)
  })
})

/** A store in memory whose backend does as the test says. */
function openOver(overrides: Partial<StoreBackend>): { store: StoreCore; backend: StoreBackend } {
  const environment = createManualEnvironment()
  const backend = Object.assign(createStoreBackend(), overrides)
  const state = new StateMachine(backend, { leaseTtlMinMs: 1 })
  state.restore(0)
  state.restored()
  const store = new StoreCore(
    new StoreEngine(
      {
        environment: { ...stillEnvironment(), logger: environment.logger },
        identity: { clusterId: 1n, memberId: 2n },
        state,
        log: createMemoryLog(),
        backend,
        release: () => Promise.resolve(),
      },
      storeDefaults,
    ),
  )
  return { store: closedLater(store), backend }
}

describe('a backend', () => {
  test('that fails stops the store, and whoever waits for it', async () => {
    const { store, backend } = openOver({})
    for (let n = 0; n < 3; n++) await store.put({ key: 'a', value: String(n) })
    const read = store.snapshot()[Symbol.asyncIterator]()
    await read.next()
    const compacting = errorOf(store.compact({ revision: 4, physical: true }))
    await nextTurns()
    backend.onFailure?.(new Error('the worker is lost'))
    backend.onFailure?.(new Error('again'))
    expect(await compacting).toMatchObject(failed)
    expect(store.status().state).toBe('failed')
    expect(await errorOf(store.put({ key: 'a' }))).toMatchObject(failed)
    expect((await store.get('a'))?.version).toBe(3)
    await read.return?.(undefined)
  })

  test('whose flush fails makes a flush of the store fail as its own', async () => {
    const { store } = openOver({ flush: () => Promise.reject(new Error('no space')) })
    expect(await errorOf(store.flush())).toMatchObject(failed)
  })

  test('that lags behind lets entries wait until it has caught up', async () => {
    const { store, backend } = openOver({ pendingBytes: 0 })
    Object.assign(backend, { pendingBytes: 2 ** 30 })
    let answered = 0
    const writes = Array.from({ length: 200 }, () => store.put({ key: 'a' }).then(() => answered++))
    await nextTurns(20)
    const before = answered
    expect(before).toBeLessThan(200)
    Object.assign(backend, { pendingBytes: 0 })
    backend.onDurable?.(before)
    await Promise.all(writes)
    expect(answered).toBe(200)
  })
})
