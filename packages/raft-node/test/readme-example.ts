// What the README shows: compiled with the tests, and run by one of them.
// #region readme
import type { Environment } from '@orrery/environment'
import {
  createMemoryLogStorage,
  createRaftNode,
  initialIds,
  initialStart,
  MemberTable,
} from '@orrery/raft-node'
import type { NodeHost, NodeProposal, RaftNode, Transport } from '@orrery/raft-node'

/** One of the members a, b and c. Its host applies what it takes: `for (;;) node.take() … node.applied(index)`. */
export function createMember(
  name: 'a' | 'b' | 'c',
  { environment, transport, host }: { environment: Environment; transport: Transport; host: NodeHost },
): RaftNode<NodeProposal> {
  const initial = { members: [['a'], ['b'], ['c']], token: 'my-cluster' }
  const { clusterId, memberIds } = initialIds(initial)
  const memberId = memberIds['abc'.indexOf(name)] ?? 0n
  const start = initialStart(initial)
  const members = new MemberTable(start.membership)
  const identity = { clusterId, memberId, directoryId: environment.random.id63() }
  const storage = createMemoryLogStorage() // on a disk: openWalLogStorage, persistStart, restartFrom
  // The host gets to know the node, then: await node.start()
  return createRaftNode({ environment, identity, transport, storage, start, members, host })
}
// #endregion readme
