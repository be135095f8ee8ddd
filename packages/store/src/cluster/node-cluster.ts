import { type Environment, hasCode } from '@orrery/environment'
import { memberIdOf, type MemberChange, type NodeProposal, type RaftNode } from '@orrery/raft-node'
import type { CallOptions } from '../store.ts'
import { StoreError } from '../errors.ts'
import type { Cluster, MembershipChanged } from './cluster.ts'
import { asStoreErrors } from './errors.ts'

/** The cluster of a replicated store, as its member sees it. */
export function nodeCluster(node: RaftNode<NodeProposal>, environment: Environment): Cluster {
  const change = (wish: MemberChange, options?: CallOptions): Promise<MembershipChanged> =>
    asStoreErrors(async () => ({ members: (await node.changeMembers(wish, options)).members }))
  return {
    members: (options = {}) =>
      asStoreErrors(async () => {
        if (options.serializable !== true) await node.readBarrier(options)
        return node.members()
      }),
    add: async ({ peerAddresses, isLearner = false }, options) => {
      requireAddresses(peerAddresses)
      // As etcd does it: the same place, taken anew, is somebody else.
      const salt = `${Math.floor(environment.clock.wallMs() / 1_000)}/${environment.random.uint32()}`
      const id = memberIdOf(peerAddresses, node.identity.clusterId.toString(16), salt)
      const { members } = await change({ type: 'add', id, peerAddresses, isLearner }, options).catch(
        (error: unknown) => {
          // The id is new: what is taken is an address.
          if (!hasCode(error, 'STORE_MEMBER_EXISTS')) throw error
          throw new StoreError('STORE_PEER_ADDRESS_IN_USE', 'another member has one of these addresses', {
            cause: error,
          })
        },
      )
      const member = members.find((one) => one.id === id)
      if (member === undefined) throw new StoreError('STORE_MEMBER_NOT_FOUND', 'the member was removed again')
      return { member, members }
    },
    remove: (id, options) => change({ type: 'remove', id }, options),
    update: async (id, peerAddresses, options) => {
      requireAddresses(peerAddresses)
      return await change({ type: 'move', id, peerAddresses }, options).catch((error: unknown) => {
        if (!hasCode(error, 'STORE_MEMBER_EXISTS')) throw error
        throw new StoreError('STORE_PEER_ADDRESS_IN_USE', 'another member has one of these addresses', {
          cause: error,
        })
      })
    },
    promote: (id, options) => change({ type: 'promote', id }, options),
    transferLeadership: (to, options) => asStoreErrors(() => node.transferLeadership(to, options)),
  }
}

function requireAddresses(addresses: readonly string[]): void {
  if (addresses.length > 0 && addresses.every((address) => address !== '')) return
  throw new StoreError('STORE_PEER_ADDRESS_INVALID', 'a member needs an address where its peers reach it')
}
