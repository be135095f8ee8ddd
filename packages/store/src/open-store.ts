import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Environment, hasCode } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import { type LmdbBackend, openLmdbBackend } from '@orrery/mvcc-lmdb'
import { createWorkerDisk, type Disk } from '@orrery/wal'
import { decodeCommand } from './command-decoder.ts'
import { StoreError } from './errors.ts'
import { damaged, lock, mapMaxBytesFor, openError, Undo } from './opening.ts'
import { resolveOptions, type StoreOptions, toStateOptions } from './options.ts'
import type { StateMachine, StateMachineOptions } from './state-machine.ts'
import { fillBackend, restoreState } from './states.ts'
import type { Store } from './store.ts'
import { StoreCore } from './store-core.ts'
import { type Identity, StoreEngine } from './store-engine.ts'
import { openWalLog, type WalLog } from './wal-log.ts'

/** Where a store keeps its data, and what it runs in. */
export interface OpenStoreDeps {
  /** Created, readable by its owner only, if it does not exist. One store at a time has it open. */
  readonly directory: string
  /** @defaultValue Node's clock and entropy, no log */
  readonly environment?: Environment
}

/** The backend's value that ties it to its log. */
const identityName = 'store/identity'
const identityBytes = 16
/** What the log begins with: an empty store, or the backend that a snapshot was restored into. */
const fromNothing = 0
const fromSnapshot = 1
/** There while a snapshot is being restored: a part of one must not pass for a store. */
const incompleteName = 'store/incomplete'
const replayPendingMaxBytes = 67_108_864

/**
 * Opens a durable store: a write-ahead log that is synced before a write is answered, and a backend on LMDB
 * that follows. After a crash it holds every write that was answered, each applied once.
 *
 * ```text
 * directory/LOCK   held while it is open
 * directory/wal/   the log
 * directory/db/    the backend
 * ```
 *
 * @throws StoreError `STORE_LOCKED`, `STORE_DAMAGED`, `STORE_FAILED`, `STORE_OPTIONS_INVALID`
 */
export async function openStore(deps: OpenStoreDeps, options: StoreOptions = {}): Promise<Store> {
  const { directory, environment = systemEnvironment() } = deps
  return await openStoreOn({ directory, environment, disk: createWorkerDisk() }, options)
}

/** What a durable store stands on. */
export interface StoreGround extends Required<OpenStoreDeps> {
  /** Where the log is, and the lock. The store closes it, however opening ends. */
  readonly disk: Disk
}

/**
 * Opens a store whose log is on a given disk; its backend is in the file system in any case. For tests, which
 * bring a disk that fails.
 *
 * @throws as {@link openStore}
 */
export async function openStoreOn(ground: StoreGround, options: StoreOptions = {}): Promise<Store> {
  const undo = new Undo()
  undo.add(() => ground.disk.close())
  try {
    return await open(ground, resolveOptions(options), undo)
  } catch (error) {
    await undo.run()
    throw openError(ground.directory, error)
  }
}

async function open(
  { directory, environment, disk }: StoreGround,
  options: Required<StoreOptions>,
  undo: Undo,
): Promise<Store> {
  await lock(disk, directory)
  const backend = await openLmdbBackend(
    { path: join(directory, 'db'), environment },
    { mapMaxBytes: mapMaxBytesFor(options.quotaBytes) },
  )
  undo.add(() => backend.close())
  const stored = backend.getMeta(identityName)
  const proposed = stored ?? newIdentity(environment)
  const log = await openWalLog({
    disk,
    directory: join(directory, 'wal'),
    identity: Buffer.concat([proposed, Buffer.of(stored === undefined ? fromNothing : fromSnapshot)]),
    environment,
  })
  undo.add(() => log.close())
  const identity = agreeOnIdentity(backend, log, stored)
  const state = await recover({ environment, backend, log, options: toStateOptions(options) })
  const release = (): Promise<void> => disk.close()
  return new StoreCore(new StoreEngine({ environment, identity, state, log, backend, release }, options))
}

function newIdentity({ random }: Environment): Uint8Array {
  const bytes = Buffer.alloc(identityBytes)
  bytes.writeBigUInt64BE(random.id63(), 0)
  bytes.writeBigUInt64BE(random.id63(), 8)
  return bytes
}

/** Log and backend must be of one store: a file restored from elsewhere would silently give wrong answers. */
function agreeOnIdentity(backend: LmdbBackend, { wal }: WalLog, stored: Uint8Array | undefined): Identity {
  const logged = Buffer.from(wal.metadata)
  if (backend.getMeta(incompleteName) !== undefined) throw damaged('a snapshot was restored only in part')
  if (logged.length !== identityBytes + 1) throw damaged('the log has no identity')
  const identity = logged.subarray(0, identityBytes)
  if (stored !== undefined && !identity.equals(stored)) {
    throw damaged('log and backend belong to different stores')
  }
  if (stored === undefined) {
    const hasBase = logged[identityBytes] === fromSnapshot
    if (hasBase || backend.durableIndex > 0) throw damaged('the backend that the log goes on from is missing')
    backend.setMeta(identityName, identity)
    backend.seal(0)
  }
  return { clusterId: logged.readBigUInt64BE(0), memberId: logged.readBigUInt64BE(8) }
}

/**
 * Brings the state to the end of the log: first what the backend has, then the entries that it missed. The
 * backend commits an entry's changes together with its index, so none is applied twice.
 */
async function recover({
  environment,
  backend,
  log,
  options,
}: {
  readonly environment: Environment
  readonly backend: LmdbBackend
  readonly log: WalLog
  readonly options: StateMachineOptions
}): Promise<StateMachine> {
  const { clock, logger } = environment
  const { wal } = log
  const nextTurn = (): Promise<void> => new Promise((resolve) => clock.defer(resolve))
  const applied = backend.durableIndex
  if (wal.lastIndex < applied) {
    throw damaged(`the log ends at entry ${wal.lastIndex}, the backend has ${applied}`)
  }
  if (wal.firstIndex > applied + 1) {
    throw damaged(`the log begins at entry ${wal.firstIndex}, the backend ends at ${applied}`)
  }
  const state = await restoreState(backend, { index: applied, clock, options })
  if (wal.lastIndex === applied) return state
  for await (const entries of wal.read(applied + 1)) {
    for (const { index, payload } of entries)
      state.apply(decodeCommand(payload), { index, term: 1 }, clock.nowMs())
    if (backend.pendingBytes > replayPendingMaxBytes) await backend.flush()
    await nextTurn()
  }
  logger.info('entries of the log were applied again', { from: applied + 1, to: wal.lastIndex })
  return state
}

/**
 * Creates a store's directory from a snapshot: that of `Store.snapshot`, or the file that
 * `etcdctl snapshot save` wrote of it. The new store has the same keys and revisions and a new identity.
 *
 * @throws StoreError `STORE_SNAPSHOT_INVALID`, `STORE_NOT_EMPTY`, `STORE_LOCKED`, `STORE_FAILED`
 */
export async function restoreSnapshot(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  deps: OpenStoreDeps,
): Promise<void> {
  const { directory } = deps
  const environment = deps.environment ?? systemEnvironment()
  const undo = new Undo()
  try {
    const disk = createWorkerDisk()
    undo.add(() => disk.close())
    await lock(disk, directory)
    await mkdir(join(directory, 'db'), { mode: 0o700 }).catch((error: unknown) => {
      if (!hasCode(error, 'EEXIST')) throw error
      throw new StoreError('STORE_NOT_EMPTY', `${directory} holds a store already`)
    })
    undo.add(() => rm(join(directory, 'db'), { recursive: true, force: true }))
    const backend = await openLmdbBackend({ path: join(directory, 'db'), environment })
    undo.add(() => backend.close())
    backend.setMeta(incompleteName, new Uint8Array(1))
    await fillBackend(backend, source, environment.clock)
    backend.setMeta(identityName, newIdentity(environment))
    backend.setMeta(incompleteName, undefined)
    backend.seal(0)
    await backend.flush()
    await backend.close()
    await disk.close()
  } catch (error) {
    await undo.run()
    throw openError(directory, error)
  }
}
