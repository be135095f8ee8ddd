import type { KeyValue } from '@orrery/mvcc'
import type { Store } from '@orrery/store'
import type { CatalogDeps, CatalogView } from '../src/catalog/catalog-deps.ts'
import { createNamespaces } from '../src/catalog/namespaces.ts'
import { createServices } from '../src/catalog/services.ts'
import { createDecoder } from '../src/codec.ts'
import { namesOf } from '../src/keys.ts'
import type { Namespace, Service, ServiceKey } from '../src/model.ts'
import type { Namespaces, Page, Services, ServiceSummary } from '../src/registry.ts'

/** Under which the catalog of a test keeps its keys. */
export const prefix = 'registry/'

/** What a test's catalog shows: whatever the store has when a revision is waited for. */
export class ReadView implements CatalogView {
  readonly #store: Store
  readonly #decoder = createDecoder()
  readonly #namespaces = new Map<string, Namespace>()
  readonly #services = new Map<string, Service>()
  /** Revisions that were waited for. */
  readonly reachedRevisions: number[] = []
  /** Set: nothing is served, for this reason. */
  refusal: Error | undefined

  constructor(store: Store) {
    this.#store = store
  }

  namespace(name: string): Namespace | undefined {
    return this.#namespaces.get(name)
  }

  namespaces(): Iterable<Namespace> {
    return this.#namespaces.values()
  }

  service({ namespace, service }: ServiceKey): Service | undefined {
    return this.#services.get(`${namespace} ${service}`)
  }

  services(): Page<ServiceSummary> {
    throw new Error('lists have tests of their own')
  }

  ensureOpen(): void {
    if (this.refusal !== undefined) throw this.refusal
  }

  async reached(revision: number): Promise<void> {
    this.reachedRevisions.push(revision)
    await this.read()
  }

  /** Takes what the store has now. */
  async read(): Promise<void> {
    const { kvs } = await this.#store.range({ key: prefix, rangeEnd: 'registry0' })
    this.#namespaces.clear()
    this.#services.clear()
    for (const kv of kvs) {
      try {
        this.#take(kv)
      } catch {
        // What no registry wrote is left out.
      }
    }
  }

  #take(kv: KeyValue): void {
    const [area, namespace = '', service = ''] = namesOf(kv.keyString.slice(prefix.length))
    if (area === 'namespaces') this.#namespaces.set(namespace, this.#decoder.namespace(namespace, kv))
    if (area !== 'services') return
    this.#services.set(`${namespace} ${service}`, this.#decoder.service({ namespace, service }, kv))
  }
}

/** A catalog on a store. */
export interface TestCatalog {
  readonly namespaces: Namespaces
  readonly services: Services
  readonly view: ReadView
}

/** Makes a catalog over a store, or over what a test puts in front of it. */
export function createCatalog(
  store: Store,
  {
    autoCreate = true,
    calls = store,
  }: { readonly autoCreate?: boolean; readonly calls?: CatalogDeps['store'] } = {},
): TestCatalog {
  const view = new ReadView(store)
  const deps: CatalogDeps = { store: calls, prefix, autoCreate, view }
  return { namespaces: createNamespaces(deps), services: createServices(deps), view }
}

/** Lets something happen right before each txn of a store: what comes between reading and writing. */
export function beforeTxn(
  store: Store,
  act: (txn: number) => Promise<unknown> | undefined,
): CatalogDeps['store'] {
  let txns = 0
  return {
    get: (...args) => store.get(...args),
    range: (...args) => store.range(...args),
    txn: async (...args) => {
      await act(++txns)
      return await store.txn(...args)
    },
  }
}
