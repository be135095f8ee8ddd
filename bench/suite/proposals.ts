import { systemEnvironment } from '@orrery/environment/system'
import {
  createMemoryLogStorage,
  createMemoryNetwork,
  createRaftNode,
  initialIds,
  initialStart,
  MemberTable,
  type NodeHost,
  type NodeProposal,
  proposalHeadroomBytes,
  type RaftNode,
} from '@orrery/raft-node'

const payloadBytes = 256
const initial = { members: [['a'], ['b'], ['c']], token: 'bench' }

interface Waiting extends NodeProposal {
  readonly resolve: () => void
}

/** Three members in this process, whose hosts apply nothing: what consensus itself takes. */
export interface Proposers extends AsyncDisposable {
  /** Proposals by many callers, each waiting until its own is committed. Returns proposals per second. */
  rate(proposals: number, inFlight: number): Promise<number>
}

export async function threeProposers(): Promise<Proposers> {
  const environment = systemEnvironment()
  const network = createMemoryNetwork(environment)
  const { clusterId, memberIds } = initialIds(initial)
  const nodes = memberIds.map((memberId, n) => {
    const start = initialStart(initial)
    const node: RaftNode<Waiting> = createRaftNode<Waiting>({
      environment,
      identity: { clusterId, memberId, directoryId: environment.random.id63() },
      transport: network.transport('abc'.charAt(n)),
      storage: createMemoryLogStorage(),
      start,
      members: new MemberTable(start.membership),
      host: { ...idleHost, onCommitted: () => apply(node) },
    })
    return node
  })
  await Promise.all(nodes.map((node) => node.start()))
  const [leader] = nodes
  if (leader === undefined) throw new Error('there are members')
  await new Promise<void>((resolve) => environment.clock.defer(resolve))
  leader.campaign()
  while (leader.status().role !== 'leader') await new Promise((resolve) => setTimeout(resolve, 5))
  const propose = (): Promise<void> =>
    new Promise((resolve, reject) => {
      leader.propose({ payload: Buffer.allocUnsafe(proposalHeadroomBytes + payloadBytes), resolve, reject })
    })
  return {
    rate: async (proposals, inFlight) => {
      let left = proposals
      const startMs = performance.now()
      await Promise.all(
        Array.from({ length: inFlight }, async () => {
          while (left-- > 0) await propose()
        }),
      )
      return (proposals * 1_000) / (performance.now() - startMs)
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(nodes.map((node) => node.close()))
      await network.close()
    },
  }
}

function apply(node: RaftNode<Waiting>): void {
  let index = 0
  for (let next = node.take(); next !== undefined; next = node.take()) {
    index = next.index
    if (next.type === 'command') next.proposal?.resolve()
  }
  node.applied(index)
  node.release(index)
}

const none = (): Promise<never> => Promise.reject(new Error('this host has no state'))
const idleHost: NodeHost = {
  onCommitted: () => {},
  onLeadership: () => {},
  readState: () => {
    throw new Error('this host has no state')
  },
  receiveState: none,
  installState: none,
  discardState: () => {},
  onRequest: none,
  onRemoved: () => {},
  onFailure: (error) => {
    throw error
  },
}
