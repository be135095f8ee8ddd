import type { PeerIdentity } from '@orrery/raft-node'
import { damaged } from '../opening.ts'

// Whose a data directory is: kept with the log.

const identityBytes = 24

/** Stands for the identity that a log has already. */
export const noIdentity: PeerIdentity = { clusterId: 0n, memberId: 0n, directoryId: 0n }

export function encodeIdentity({ clusterId, memberId, directoryId }: PeerIdentity): Uint8Array {
  const bytes = Buffer.alloc(identityBytes)
  bytes.writeBigUInt64BE(clusterId, 0)
  bytes.writeBigUInt64BE(memberId, 8)
  bytes.writeBigUInt64BE(directoryId, 16)
  return bytes
}

/** @throws StoreError `STORE_DAMAGED` */
export function decodeIdentity(metadata: Uint8Array): PeerIdentity {
  const bytes = Buffer.from(metadata)
  if (bytes.length !== identityBytes) throw damaged('the log has no identity')
  const identity = {
    clusterId: bytes.readBigUInt64BE(0),
    memberId: bytes.readBigUInt64BE(8),
    directoryId: bytes.readBigUInt64BE(16),
  }
  if (identity.memberId === 0n) throw damaged('the log has no identity')
  return identity
}
