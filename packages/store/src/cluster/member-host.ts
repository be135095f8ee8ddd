import { hasCode, invariant } from '@orrery/environment'
import type { Leadership, NodeHost, StateContent, StateStanding } from '@orrery/raft-node'
import { StoreError } from '../errors.ts'
import { writeSnapshot } from '../snapshot-writer.ts'
import type { StateMachine } from '../state-machine.ts'
import type { StoreBackend } from '../ports.ts'
import type { StoreEngine } from '../store-engine.ts'
import type { CorruptionCheck } from './corruption-check.ts'
import { toStoreError } from './errors.ts'
import { decodeRequest, encodeAnswer } from './peer-requests.ts'
import type { ReplicatedLeases } from './replicated-leases.ts'
import type { ReplicatedLog } from './replicated-log.ts'

/** Where a member keeps states: the present one, and one that arrives. */
export interface StateStorage {
  /** Reads a state in, and makes it durable beside the present one. */
  receive(content: AsyncIterable<Uint8Array>, standing: StateStanding): Promise<string>
  /** Opens a state that was received, restored. */
  open(name: string): Promise<{ state: StateMachine; backend: StoreBackend }>
  /** Removes a state that is not needed. */
  discard(name: string): void
  /** The backend's state is not the present one any more. */
  retire(backend: StoreBackend): void
}

export interface MemberHostParts {
  readonly states: StateStorage
  /** For a lease that nobody could renew while there was no leader. Unit: ms. */
  readonly electionTimeoutMs: number
}

interface Attached {
  readonly engine: StoreEngine
  readonly log: ReplicatedLog
  readonly leases: ReplicatedLeases
  readonly corruptionCheck: CorruptionCheck
}

/** The store around a member of its cluster. */
export class MemberHost implements NodeHost {
  readonly #parts: MemberHostParts
  #store: Attached | undefined
  #leadsInTerm = 0

  constructor(parts: MemberHostParts) {
    this.#parts = parts
  }

  /** Everything exists: from now on the member may call. */
  attach(store: Attached): void {
    this.#store = store
  }

  onCommitted(): void {
    this.#attached.log.onCommit?.()
  }

  onLeadership({ term, isLeader }: Leadership): void {
    const { engine } = this.#attached
    if (isLeader && this.#leadsInTerm !== term) {
      if (this.#leadsInTerm > 0) engine.follow()
      this.#leadsInTerm = term
      engine.lead(this.#parts.electionTimeoutMs)
    } else if (!isLeader && this.#leadsInTerm > 0) {
      this.#leadsInTerm = 0
      engine.follow()
    }
  }

  readState(): StateContent {
    const { engine } = this.#attached
    const { state, backend } = engine
    const snapshot = writeSnapshot({
      revision: () => state.mvcc.revision,
      backend,
      holdCompaction: () => engine.compactor.hold(),
      nextTurn: () => engine.nextTurn(undefined),
    })
    // The first step pins the state as it is now.
    const reader = snapshot[Symbol.asyncIterator]()
    const first = reader.next()
    first.catch(() => {})
    return { index: state.appliedIndex, content: begunWith(first, reader) }
  }

  receiveState(content: AsyncIterable<Uint8Array>, standing: StateStanding): Promise<string> {
    return this.#parts.states.receive(content, standing)
  }

  async installState(name: string): Promise<void> {
    const { engine } = this.#attached
    const { state, backend } = await this.#parts.states.open(name)
    this.#parts.states.retire(engine.replace(state, backend))
  }

  discardState(name: string): void {
    this.#parts.states.discard(name)
  }

  async onRequest(_from: bigint, bytes: Uint8Array): Promise<Uint8Array> {
    const { leases, corruptionCheck } = this.#attached
    try {
      const request = decodeRequest(bytes)
      const answering = request.type === 'hash' ? corruptionCheck.answer(request) : leases.answer(request)
      return encodeAnswer(await answering)
    } catch (error) {
      return encodeAnswer(error instanceof Error ? error : new Error(String(error)))
    }
  }

  onRemoved(): void {
    this.#attached.engine.fail(new StoreError('STORE_REMOVED', 'this member was removed from the cluster'))
  }

  onFailure(error: Error): void {
    // It is not the disk's fault.
    const isRefused = hasCode(error, 'NODE_IDENTITY_MISMATCH')
    if (isRefused) this.#attached.engine.fail(toStoreError(error) as Error)
    else this.#attached.log.onFailure?.(error)
  }

  get #attached(): Attached {
    invariant(this.#store !== undefined, 'the member calls its host only once it has started')
    return this.#store
  }
}

/** No generator: what is not read has to let go of the state, too. */
function begunWith(
  first: Promise<IteratorResult<Uint8Array>>,
  rest: AsyncIterator<Uint8Array>,
): AsyncIterable<Uint8Array> {
  let pending: Promise<IteratorResult<Uint8Array>> | undefined = first
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => {
        const step = pending ?? rest.next()
        pending = undefined
        return step
      },
      return: async () => {
        await rest.return?.()
        return { done: true, value: undefined }
      },
    }),
  }
}
