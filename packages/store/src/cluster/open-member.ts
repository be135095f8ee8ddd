import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Environment, hasCode } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import {
  fetchMembers,
  forceAlone,
  initialStart,
  joiningStart,
  type Member,
  MemberTable,
  type NodeOptions,
  openWalLogStorage,
  type PeerIdentity,
  persistStart,
  placeFor,
  restartFrom,
  type Transport,
  type TransportHandler,
  type WalLogStorage,
} from '@orrery/raft-node'
import { createWorkerDisk, type Disk } from '@orrery/wal'
import { StoreError } from '../errors.ts'
import { damaged, lock, mapMaxBytesFor, openError, Undo } from '../opening.ts'
import { resolveOptions, type StoreOptions, toStateOptions } from '../options.ts'
import type { Store } from '../store.ts'
import { type ClusterOrigin, initialIdentity, toInitial } from './cluster-origin.ts'
import { type CorruptionCheckOptions, resolveCorruptionCheck } from './corruption-options.ts'
import { type StartedMember, startMember } from './create-member.ts'
import { decodeIdentity, encodeIdentity, noIdentity } from './identity.ts'
import { lmdbBackends } from './lmdb-backends.ts'
import { type BackendDirectory, StoredStates } from './stored-states.ts'
import { toStoreError } from './errors.ts'
import { restoreState } from '../states.ts'

/** Where a member keeps its data, and how it reaches the others. */
export interface OpenMemberDeps {
  /** Created, readable by its owner only, if it does not exist. One store at a time has it open. */
  readonly directory: string
  /** Creates a way to the other members. One that joins first asks for its place over another one. */
  readonly transport: (purpose: 'member' | 'question') => Transport
  /** Where the others reach this member. */
  readonly peerAddresses: readonly string[]
  readonly origin: ClusterOrigin
  /**
   * Goes on as a cluster of one with what the directory holds, when most members are lost for good: the others are
   * removed, and must never run again. For one start; then members can be added anew. @defaultValue `false`
   */
  readonly forceNewCluster?: boolean | undefined
  /** Shown in lists of members. Not empty. */
  readonly name: string
  /** Where clients reach this member, shown in lists of members. @defaultValue none */
  readonly clientUrls?: readonly string[] | undefined
  /** @defaultValue Node's clock and entropy, no log */
  readonly environment?: Environment
}

/** How a member behaves. */
export interface MemberOptions {
  readonly store?: StoreOptions | undefined
  readonly node?: NodeOptions | undefined
  readonly corruptionCheck?: CorruptionCheckOptions | undefined
}

/** A member that has begun to take part. */
export interface OpenedMember {
  readonly store: Store
  /**
   * Resolves when the cluster knows of this member: there is a leader, and it can be served from now on. Rejects, after
   * the store was closed, with `STORE_CORRUPT` when the member holds something else than others, and was to check that.
   */
  readonly published: Promise<void>
}

/** Pause before another attempt to tell the cluster of this member. Unit: ms. */
const publishRetryMs = 200

/**
 * Opens a store that several processes keep, as one of its members. A write is answered when a majority of them has
 * it in its log, synced.
 *
 * ```text
 * directory/LOCK    held while it is open
 * directory/raft/   the log
 * directory/db-…/   the state; a new one when it arrived from another member
 * ```
 *
 * @throws StoreError `STORE_LOCKED`, `STORE_DAMAGED`, `STORE_FAILED`, `STORE_OPTIONS_INVALID`, `STORE_JOIN_REFUSED`,
 * `STORE_REMOVED`
 */
export async function openMember(deps: OpenMemberDeps, options: MemberOptions = {}): Promise<OpenedMember> {
  const { directory, environment = systemEnvironment() } = deps
  const { quotaBytes } = resolveOptions(options.store ?? {})
  const disk = createWorkerDisk()
  const ground: MemberGround = {
    disk,
    backends: lmdbBackends(directory, environment, mapMaxBytesFor(quotaBytes)),
    hasLog: () => holdsLog(join(directory, 'raft')),
  }
  return await openMemberOn(ground, { ...deps, environment }, options)
}

/** What a member stands on. The member closes the disk, however opening ends. */
export interface MemberGround {
  /** Where the log is, and the lock. */
  readonly disk: Disk
  readonly backends: BackendDirectory
  /** Whether the member was here before. */
  readonly hasLog: () => Promise<boolean>
}

/**
 * Opens a member on a disk and backends of its host's choice: for simulations.
 *
 * @throws as {@link openMember}
 */
export async function openMemberOn(
  ground: MemberGround,
  deps: OpenMemberDeps,
  options: MemberOptions = {},
): Promise<OpenedMember> {
  const undo = new Undo()
  undo.add(() => ground.disk.close())
  try {
    return await open(ground, deps, { options, undo })
  } catch (error) {
    await undo.run()
    throw openError(deps.directory, toStoreError(error))
  }
}

async function open(
  { disk, backends, hasLog }: MemberGround,
  deps: OpenMemberDeps,
  { options, undo }: { readonly options: MemberOptions; readonly undo: Undo },
): Promise<OpenedMember> {
  const { directory, environment = systemEnvironment(), name, clientUrls = [] } = deps
  const storeOptions = resolveOptions(options.store ?? {})
  const corruptionCheck = resolveCorruptionCheck(options.corruptionCheck)
  if (name === '') throw new StoreError('STORE_OPTIONS_INVALID', 'a member has a name')
  await lock(disk, directory)
  const place = (await hasLog()) ? undefined : await findPlace(deps, environment)
  const storage = await openWalLogStorage({
    disk,
    directory: join(directory, 'raft'),
    environment,
    metadata: encodeIdentity(place?.identity ?? noIdentity),
  })
  undo.add(() => storage.close())
  const identity = decodeIdentity(storage.metadata)
  const stateOptions = toStateOptions(storeOptions)
  const stateName = storage.stored.stateName ?? 'db-0'
  // States that arrived and were not put in use, and those that were replaced.
  for (const other of await backends.list()) if (other !== stateName) await backends.remove(other)
  const states = new StoredStates({ backends, environment, options: stateOptions, inUse: stateName })
  undo.add(() => states.close())
  const backend = await backends.open(stateName)
  undo.add(() => backend.close())
  const state = await restoreState(backend, {
    index: backend.durableIndex,
    clock: environment.clock,
    options: stateOptions,
  })
  const applied = { index: state.appliedIndex, term: state.appliedTerm, members: state.members }
  const begun = await begin(storage, applied, { deps, identity, place })
  const release = async (): Promise<void> => {
    await states.close()
    await disk.close()
  }
  const contacts = place?.contacts ?? (await contactsOf(deps, applied))
  const member = await startMember(
    {
      environment,
      identity,
      transport: deps.transport('member'),
      storage,
      ...begun,
      contacts,
      state,
      backend,
      states,
      release,
    },
    { store: storeOptions, node: options.node, corruptionCheck },
  )
  const published = publish(member, { name, clientUrls, environment, isNew: place !== undefined })
  // Whoever does not wait for it need not know that the store was closed before.
  published.catch(() => {})
  return { store: member.store, published }
}

interface Place {
  readonly identity: PeerIdentity
  readonly contacts: readonly Pick<Member, 'id' | 'peerAddresses'>[]
}

/** Who a member is that was not here before. */
async function findPlace(
  { directory, origin, peerAddresses, transport, forceNewCluster = false }: OpenMemberDeps,
  environment: Environment,
): Promise<Place> {
  if (forceNewCluster) {
    throw new StoreError('STORE_OPTIONS_INVALID', `${directory} holds no member that could go on alone`)
  }
  const directoryId = environment.random.id63()
  if (origin.type === 'new') {
    return { identity: { ...initialIdentity(origin, peerAddresses), directoryId }, contacts: [] }
  }
  const cluster = await askMembers(transport, origin.contacts)
  const { id } = placeFor(peerAddresses, cluster)
  return { identity: { clusterId: cluster.clusterId, memberId: id, directoryId }, contacts: cluster.members }
}

/** Whom a member knows that joined, and was interrupted before it had learnt anything. */
async function contactsOf(
  { origin, transport }: OpenMemberDeps,
  { members }: Parameters<typeof restartFrom>[1],
): Promise<readonly Member[]> {
  if (members !== undefined || origin.type === 'new') return []
  return (await askMembers(transport, origin.contacts)).members
}

/** Asks a cluster who is in it, before this process is. */
async function askMembers(
  transport: OpenMemberDeps['transport'],
  contacts: readonly string[],
): ReturnType<typeof fetchMembers> {
  const asking = transport('question')
  await asking.start({ clusterId: 0n, memberId: 0n, directoryId: 0n }, nobody)
  try {
    return await fetchMembers(asking, contacts)
  } finally {
    await asking.close()
  }
}

/** What the member starts from: what it had, or what its origin says. */
async function begin(
  storage: WalLogStorage,
  applied: Parameters<typeof restartFrom>[1],
  { deps, identity, place }: { deps: OpenMemberDeps; identity: PeerIdentity; place: Place | undefined },
): Promise<ReturnType<typeof restartFrom>> {
  if (storage.stored.hardState !== undefined) return await beginAgain(storage, applied, { deps, identity })
  // It had not come so far as to promise anything.
  if (applied.index > 0) throw damaged('the state has a log that is missing')
  const isNew = deps.origin.type === 'new'
  if (!isNew && place === undefined) {
    throw damaged('the member was interrupted before it joined: empty its directory and let it join again')
  }
  const start = deps.origin.type === 'new' ? initialStart(toInitial(deps.origin)) : joiningStart()
  await persistStart(storage, start)
  return { start, members: new MemberTable(start.membership) }
}

async function beginAgain(
  storage: WalLogStorage,
  applied: Parameters<typeof restartFrom>[1],
  { deps, identity }: { deps: OpenMemberDeps; identity: PeerIdentity },
): Promise<ReturnType<typeof restartFrom>> {
  const { stored } = storage
  const restarted = restartFrom(stored, applied, identity.memberId)
  const { start, members } = restarted
  // The log goes on behind a gap: what comes before does not count any more.
  if (start.previousIndex > stored.previousIndex) storage.compact(start.previousIndex, start.previousTerm)
  if (deps.forceNewCluster !== true) return restarted
  const self = { id: identity.memberId, peerAddresses: deps.peerAddresses }
  return { start: await forceAlone(storage, restarted, self), members }
}

async function publish(
  member: StartedMember,
  {
    name,
    clientUrls,
    environment,
    isNew,
  }: { name: string; clientUrls: readonly string[]; environment: Environment; isNew: boolean },
): Promise<void> {
  for (;;) {
    try {
      await member.publish(name, clientUrls)
      break
    } catch (error) {
      const failure = toStoreError(error)
      const hasFailed = member.store.status().state === 'failed'
      if (hasFailed || hasCode(failure, 'STORE_CLOSED', 'STORE_FAILED', 'STORE_REMOVED')) throw failure
      environment.logger.info('the cluster does not know of this member yet', { error: failure })
    }
    await new Promise<void>((resolve) => environment.clock.setTimer(publishRetryMs, resolve))
  }
  // What it has came from the others just now.
  if (isNew) return
  try {
    await member.requireSame()
  } catch (error) {
    await member.store.close()
    throw error
  }
}

/** What was only prepared is no log yet: the member was interrupted before it had promised anything. */
async function holdsLog(path: string): Promise<boolean> {
  try {
    return (await readdir(path)).some((name) => name.endsWith('.wal'))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}

/** What a process that only asks says to those who ask back. */
const nobody: TransportHandler = {
  onMessages: () => {},
  onUnreachable: () => {},
  onSnapshot: () => Promise.reject(new Error('not a member')),
  onRequest: () => Promise.reject(new Error('not a member')),
  accepts: () => undefined,
}
