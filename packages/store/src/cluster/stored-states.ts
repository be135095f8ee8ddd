import { type Environment, invariant, type Timer } from '@orrery/environment'
import type { StateStanding } from '@orrery/raft-node'
import type { StoreBackend } from '../ports.ts'
import type { StateMachine, StateMachineOptions } from '../state-machine.ts'
import type { StateStorage } from './member-host.ts'
import { fillWithState, restoreState } from '../states.ts'

/** A backend that knows what it holds durably. */
export interface DurableBackend extends StoreBackend {
  /** The last entry that it held when it was opened. */
  readonly durableIndex: number
}

/** Where the backends of a member are, by name. */
export interface BackendDirectory {
  /** Creates one that is missing. */
  open(name: string): Promise<DurableBackend>
  /** Does nothing when there is none. */
  remove(name: string): Promise<void>
  list(): Promise<readonly string[]>
}

export interface StoredStatesParts {
  readonly backends: BackendDirectory
  readonly environment: Environment
  readonly options: StateMachineOptions
  /** The name of the present state. */
  readonly inUse: string
}

/** The name of a state that came from elsewhere. */
export function stateNameAt(index: number): string {
  return `db-${index.toString(16)}`
}

interface Received {
  readonly backend: StoreBackend
  readonly index: number
}

/** How long those who read from a state that was replaced have to finish. Unit: ms. */
const retireMs = 10_000

/** States that outlive their process, each in a backend of its own. */
export class StoredStates implements StateStorage {
  readonly #parts: StoredStatesParts
  readonly #received = new Map<string, Received>()
  readonly #retired = new Map<StoreBackend, { readonly name: string; readonly timer: Timer }>()
  #inUse: string
  /** The state that the present one took the place of. */
  #replaced = ''
  #arrivals = 0

  constructor(parts: StoredStatesParts) {
    this.#parts = parts
    this.#inUse = parts.inUse
  }

  async receive(content: AsyncIterable<Uint8Array>, standing: StateStanding): Promise<string> {
    const { environment, backends } = this.#parts
    const name = this.#freshName(standing.index)
    await backends.remove(name)
    const backend = await backends.open(name)
    try {
      await fillWithState(backend, { content, standing, clock: environment.clock })
    } catch (error) {
      await backend.close().catch(() => {})
      await backends.remove(name)
      throw error
    }
    this.#received.set(name, { backend, index: standing.index })
    return name
  }

  async open(name: string): Promise<{ state: StateMachine; backend: StoreBackend }> {
    const { environment, options } = this.#parts
    const received = this.#received.get(name)
    invariant(received !== undefined, 'a state is opened once, after it was received')
    this.#received.delete(name)
    const { backend, index } = received
    this.#replaced = this.#inUse
    this.#inUse = name
    return { state: await restoreState(backend, { index, clock: environment.clock, options }), backend }
  }

  discard(name: string): void {
    const received = this.#received.get(name)
    this.#received.delete(name)
    if (received !== undefined) void this.#remove(name, received.backend)
  }

  retire(backend: StoreBackend): void {
    const name = this.#replaced
    const { clock } = this.#parts.environment
    const timer = clock.setTimer(retireMs, () => {
      this.#retired.delete(backend)
      void this.#remove(name, backend)
    })
    this.#retired.set(backend, { name, timer })
  }

  /** Closes what is not in use. */
  async close(): Promise<void> {
    for (const [backend, { name, timer }] of this.#retired) {
      timer.cancel()
      await this.#remove(name, backend)
    }
    for (const [name, { backend }] of this.#received) await this.#remove(name, backend)
    this.#retired.clear()
    this.#received.clear()
  }

  /** The same state may arrive twice at a time: what is done with one must not touch the other, or the one in use. */
  #freshName(index: number): string {
    const name = `${stateNameAt(index)}-${++this.#arrivals}`
    return name === this.#parts.inUse ? this.#freshName(index) : name
  }

  async #remove(name: string, backend: StoreBackend): Promise<void> {
    const { backends, environment } = this.#parts
    try {
      await backend.close()
      await backends.remove(name)
    } catch (error) {
      environment.logger.warn('a state that is not needed could not be removed', { name, error })
    }
  }
}
