import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Environment, hasCode } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import { openWalLogStorage, persistRestored, restoredStanding } from '@orrery/raft-node'
import { createWorkerDisk, type Disk } from '@orrery/wal'
import { StoreError } from '../errors.ts'
import { lock, mapMaxBytesFor, openError, Undo } from '../opening.ts'
import { storeDefaults } from '../options.ts'
import { type ClusterOrigin, initialIdentity, toInitial } from './cluster-origin.ts'
import { toStoreError } from './errors.ts'
import { encodeIdentity } from './identity.ts'
import { lmdbBackends } from './lmdb-backends.ts'
import { stateNameAt } from './stored-states.ts'
import { fillWithState } from '../states.ts'

/** Which member of a new cluster gets a directory. */
export interface RestoreMemberDeps {
  /** Created if it does not exist; holds no store yet. */
  readonly directory: string
  /** Where the others will reach this member. */
  readonly peerAddresses: readonly string[]
  /** The cluster that begins: the same for all its members. */
  readonly origin: Extract<ClusterOrigin, { type: 'new' }>
  /** @defaultValue Node's clock and entropy, no log */
  readonly environment?: Environment
}

/**
 * Creates a member's directory from a snapshot: that of `Store.snapshot`, or the file that `etcdctl snapshot save` wrote
 * of it. Do the same for each member of the new cluster, with the same snapshot and the same origin, then open them:
 * they have the same keys, revisions and leases, and nothing to do with the cluster that the snapshot comes from.
 *
 * @throws StoreError `STORE_SNAPSHOT_INVALID`, `STORE_NOT_EMPTY`, `STORE_LOCKED`, `STORE_FAILED`, `STORE_OPTIONS_INVALID`
 */
export async function restoreMember(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  deps: RestoreMemberDeps,
): Promise<void> {
  const undo = new Undo()
  try {
    const disk = createWorkerDisk()
    undo.add(() => disk.close())
    await restore(source, deps, { disk, undo })
    await disk.close()
  } catch (error) {
    await undo.run()
    throw openError(deps.directory, toStoreError(error))
  }
}

async function restore(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { directory, peerAddresses, origin, environment = systemEnvironment() }: RestoreMemberDeps,
  { disk, undo }: { readonly disk: Disk; readonly undo: Undo },
): Promise<void> {
  const identity = { ...initialIdentity(origin, peerAddresses), directoryId: environment.random.id63() }
  const standing = restoredStanding(toInitial(origin))
  await lock(disk, directory)
  await requireEmpty(directory)
  const backends = lmdbBackends(directory, environment, mapMaxBytesFor(storeDefaults.quotaBytes))
  // What is there is of an attempt that did not come to its end.
  for (const name of await backends.list()) await backends.remove(name)
  const stateName = stateNameAt(standing.index)
  undo.add(() => backends.remove(stateName))
  const backend = await backends.open(stateName)
  undo.add(() => backend.close())
  await fillWithState(backend, { content: source, standing, clock: environment.clock })
  await backend.close()
  // The log comes last: without it, the state counts for nothing.
  const storage = await openWalLogStorage({
    disk,
    directory: join(directory, 'raft'),
    environment,
    metadata: encodeIdentity(identity),
  })
  undo.add(() => storage.close())
  await persistRestored(storage, standing, stateName)
  await storage.close()
}

async function requireEmpty(directory: string): Promise<void> {
  for (const name of ['raft', 'wal', 'db']) {
    try {
      if ((await readdir(join(directory, name))).length === 0) continue
    } catch (error) {
      if (hasCode(error, 'ENOENT')) continue
      throw error
    }
    throw new StoreError('STORE_NOT_EMPTY', `${directory} holds a store already`)
  }
}
