import { open } from 'node:fs/promises'
import { restoreMember, restoreSnapshot } from '@orrery/store'
import { newCluster, peerAddressesOf } from './member-store.ts'
import type { PeerOptions } from './options.ts'
import { refuseMember, unavailable } from './server-store.ts'

/** A data directory that is to be made from a snapshot. */
export interface ServerRestore {
  /** Of `etcdctl snapshot save`. */
  readonly file: string
  readonly name: string
  readonly dataDir: string
  /** Of a member. Undefined: of a store of one process. */
  readonly peer: PeerOptions | undefined
}

/**
 * Creates a data directory from a snapshot file: that of a member of a new cluster, all of which have to be created from
 * the same file, or of a store of one process.
 *
 * @throws ServerError `SERVER_STORE_UNAVAILABLE`
 */
export async function restoreServerStore({ file, name, dataDir, peer }: ServerRestore): Promise<void> {
  try {
    await refuseMember(dataDir)
    await using snapshot = await open(file)
    const content = snapshot.createReadStream({ autoClose: false })
    if (peer === undefined) {
      await restoreSnapshot(content, { directory: dataDir })
      return
    }
    const peerAddresses = peerAddressesOf(name, peer)
    const origin = newCluster(peer, peerAddresses)
    await restoreMember(content, { directory: dataDir, peerAddresses, origin })
  } catch (cause) {
    throw unavailable('--restore', dataDir, cause)
  }
}
