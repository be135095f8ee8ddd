import { type InitialCluster, initialIds, type PeerIdentity } from '@orrery/raft-node'
import { StoreError } from '../errors.ts'

/** How a member comes to its cluster. What its directory says goes before. */
export type ClusterOrigin =
  /** The cluster begins, with these members. All of them say the same. */
  | {
      readonly type: 'new'
      /** The peer addresses of each member, this one included. */
      readonly members: readonly (readonly string[])[]
      /** Tells clusters apart that begin at the same addresses. @defaultValue `'orrery'` */
      readonly token?: string | undefined
    }
  /** The cluster is there and has a place for this member: see `Cluster.add`. */
  | { readonly type: 'join' /** Peer addresses of members. */; readonly contacts: readonly string[] }

/** A cluster's beginning, complete. */
export function toInitial({
  members,
  token = 'orrery',
}: Extract<ClusterOrigin, { type: 'new' }>): InitialCluster {
  return { members, token }
}

/**
 * Who the member at these addresses is in a cluster that begins.
 *
 * @throws StoreError `STORE_OPTIONS_INVALID`
 */
export function initialIdentity(
  origin: Extract<ClusterOrigin, { type: 'new' }>,
  peerAddresses: readonly string[],
): Pick<PeerIdentity, 'clusterId' | 'memberId'> {
  const { clusterId, memberIds } = initialIds(toInitial(origin))
  const at = origin.members.findIndex((addresses) => addresses.some((one) => peerAddresses.includes(one)))
  const memberId = memberIds[at]
  if (memberId !== undefined) return { clusterId, memberId }
  throw new StoreError(
    'STORE_OPTIONS_INVALID',
    `${peerAddresses.join(', ')} is none of the initial members' addresses`,
  )
}
