import type { Environment, Timer } from '@orrery/environment'
import {
  type BackendDirectory,
  createStoreBackend,
  type DurableBackend,
  type StoreBackend,
} from '@orrery/store/testing'

/** One write to a backend. */
type Write = (backend: StoreBackend) => void

/** What a backend holds durably. */
interface Image {
  index: number
  writes: Write[]
}

/** How long a backend holds writes back. Unit: ms. */
const commitMs = 100

/** The backends of a node, which outlive its processes: each holds what it had committed. */
export class SimulatedBackends {
  readonly #images = new Map<string, Image>()
  readonly #onState: () => void

  /** @param onState a state is about to arrive from another member */
  constructor(onState: () => void = () => {}) {
    this.#onState = onState
  }

  /**
   * The backends as one process has them.
   *
   * @param isAlive whether it still is: one that has crashed commits nothing more
   */
  directory(environment: Environment, isAlive: () => boolean): BackendDirectory {
    return {
      open: (name) => {
        if (this.#images.size > 0 && !this.#images.has(name)) this.#onState()
        const image = this.#images.get(name) ?? { index: 0, writes: [] }
        this.#images.set(name, image)
        return Promise.resolve(openOn(image, environment, isAlive))
      },
      remove: (name) => {
        this.#images.delete(name)
        return Promise.resolve()
      },
      list: () => Promise.resolve([...this.#images.keys()]),
    }
  }
}

/**
 * Commits, after a while, all writes up to the last seal at once: a process that ends before has never made them.
 */
function openOn(image: Image, { clock }: Environment, isAlive: () => boolean): DurableBackend {
  const memory = createStoreBackend()
  for (const write of image.writes) write(memory)
  let unsealed: Write[] = []
  let sealed: Write[] = []
  let sealedIndex = image.index
  let timer: Timer | undefined
  const record = (write: Write): void => {
    unsealed.push(write)
  }
  const commit = (): void => {
    timer?.cancel()
    timer = undefined
    if (!isAlive()) return
    image.writes.push(...sealed)
    image.index = sealedIndex
    sealed = []
    backend.onDurable?.(sealedIndex)
  }
  const backend: DurableBackend = {
    ...memory,
    durableIndex: image.index,
    put: (main, sub, tombstone, bytes) => {
      memory.put(main, sub, tombstone, bytes)
      const copy = bytes.slice()
      record((one) => one.put(main, sub, tombstone, copy))
    },
    delete: (main, sub, tombstone) => {
      memory.delete(main, sub, tombstone)
      record((one) => one.delete(main, sub, tombstone))
    },
    setMeta: (name, value) => {
      const copy = value?.slice()
      memory.setMeta(name, copy)
      record((one) => one.setMeta(name, copy))
    },
    seal: (index) => {
      sealedIndex = index
      if (unsealed.length > 0) {
        sealed.push(...unsealed)
        unsealed = []
      }
      timer ??= clock.setTimer(commitMs, commit)
    },
    flush: () => {
      commit()
      return Promise.resolve()
    },
    close: () => {
      commit()
      return Promise.resolve()
    },
    get sizeBytes() {
      return memory.sizeBytes
    },
    get sizeInUseBytes() {
      return memory.sizeInUseBytes
    },
    onFailure: undefined,
    onDurable: undefined,
  }
  return backend
}
