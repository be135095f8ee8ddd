import type { Environment } from '@orrery/environment'
import {
  createRaftNode,
  type LogStorage,
  type Member,
  type MemberTable,
  type NodeOptions,
  nodeDefaults,
  type NodeParts,
  type PeerIdentity,
  type Transport,
} from '@orrery/raft-node'
import type { StoreOptions } from '../options.ts'
import type { StoreBackend } from '../ports.ts'
import type { StateMachine } from '../state-machine.ts'
import { StoreCore } from '../store-core.ts'
import { StoreEngine } from '../store-engine.ts'
import { toStoreError } from './errors.ts'
import { MemberHost, type StateStorage } from './member-host.ts'
import { nodeCluster } from './node-cluster.ts'
import { ReplicatedLeases } from './replicated-leases.ts'
import { ReplicatedLog, type ReplicatedProposal } from './replicated-log.ts'

/** What a member of a store's cluster is made of. The store owns all of it. */
export interface MemberParts {
  readonly environment: Environment
  readonly identity: PeerIdentity
  readonly transport: Transport
  readonly storage: LogStorage
  readonly start: NodeParts['start']
  readonly members: MemberTable
  readonly contacts?: readonly Pick<Member, 'id' | 'peerAddresses'>[]
  readonly state: StateMachine
  readonly backend: StoreBackend
  readonly states: StateStorage
  /** Closes what lies below. */
  readonly release: () => Promise<void>
}

/** A member that takes part. */
export interface StartedMember {
  readonly store: StoreCore
  /** Lets the member campaign without waiting for somebody else to lead. */
  readonly campaign: () => void
  /** Tells the cluster of the member. */
  readonly publish: (name: string, clientUrls: readonly string[]) => Promise<void>
  /** Refuses new calls, and waits for the writes in flight. */
  readonly finishWrites: () => Promise<void>
}

/**
 * Creates a member's store, and lets it take part.
 *
 * @throws TransportError when it cannot listen
 */
export async function startMember(
  parts: MemberParts,
  storeOptions: Required<StoreOptions>,
  nodeOptions: NodeOptions = {},
): Promise<StartedMember> {
  const {
    environment,
    identity,
    transport,
    storage,
    start,
    members,
    contacts = [],
    state,
    backend,
    states,
  } = parts
  const electionTimeoutMs = nodeOptions.electionTimeoutMs ?? nodeDefaults.electionTimeoutMs
  const requestTimeoutMs = nodeOptions.requestTimeoutMs ?? nodeDefaults.requestTimeoutMs
  const host = new MemberHost({ states, electionTimeoutMs })
  const node = createRaftNode<ReplicatedProposal>(
    { environment, identity, transport, storage, start, members, host, contacts },
    nodeOptions,
  )
  const log = new ReplicatedLog(node)
  let leases: ReplicatedLeases | undefined
  const engine = new StoreEngine(
    {
      environment,
      identity,
      state,
      backend,
      log,
      release: parts.release,
      cluster: nodeCluster(node, environment),
      position: () => {
        const { leaderId, term, commitIndex, membership } = node.status()
        const isLearner = membership.learners.includes(identity.memberId)
        return { leaderId, isLearner, term, commitIndex }
      },
      leases: (keeper) =>
        (leases = new ReplicatedLeases({ node, clock: environment.clock, keeper, requestTimeoutMs })),
    },
    storeOptions,
  )
  host.attach({ engine, log, leases: leases as ReplicatedLeases })
  try {
    await node.start()
  } catch (error) {
    await engine.close()
    throw toStoreError(error)
  }
  return {
    store: new StoreCore(engine),
    campaign: () => node.campaign(),
    publish: (name, clientUrls) => node.publish({ name, clientUrls }),
    finishWrites: () => engine.finishWrites(),
  }
}
