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
import { CorruptionCheck } from './corruption-check.ts'
import type { CorruptionCheckOptions } from './corruption-options.ts'
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

/** How a member behaves. */
export interface StartOptions {
  readonly store: Required<StoreOptions>
  readonly node?: NodeOptions | undefined
  readonly corruptionCheck: Required<CorruptionCheckOptions>
}

/** A member that takes part. */
export interface StartedMember {
  readonly store: StoreCore
  /** Lets the member campaign without waiting for somebody else to lead. */
  readonly campaign: () => void
  /** Tells the cluster of the member. */
  readonly publish: (name: string, clientUrls: readonly string[]) => Promise<void>
  /**
   * Compares the member with others, where its options say so.
   *
   * @throws StoreError `STORE_CORRUPT`
   */
  readonly requireSame: () => Promise<void>
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
  { store: storeOptions, node: nodeOptions = {}, corruptionCheck }: StartOptions,
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
      release: () => {
        check.stop()
        void leases?.close()
        return parts.release()
      },
      cluster: nodeCluster(node, environment),
      position: () => {
        const { leaderId, term, commitIndex, membership } = node.status()
        const isLearner = membership.learners.includes(identity.memberId)
        return { leaderId, isLearner, term, commitIndex }
      },
      term: () => node.term,
      leases: (keeper) =>
        (leases = new ReplicatedLeases({ node, clock: environment.clock, keeper, requestTimeoutMs })),
    },
    storeOptions,
  )
  const check = new CorruptionCheck({ environment, node, engine, requestTimeoutMs }, corruptionCheck)
  host.attach({ engine, log, leases: leases as ReplicatedLeases, corruptionCheck: check })
  try {
    await node.start()
  } catch (error) {
    await engine.close()
    throw toStoreError(error)
  }
  check.start()
  return {
    store: new StoreCore(engine),
    campaign: () => node.campaign(),
    publish: (name, clientUrls) => node.publish({ name, clientUrls }),
    requireSame: () => check.requireSame(),
    finishWrites: () => engine.finishWrites(),
  }
}
